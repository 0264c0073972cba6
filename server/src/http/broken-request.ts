import type { Socket } from "node:net";
import { AppError } from "@netbird-proxy/proto";
import { newId } from "../domain/xid.ts";
import { errorResponse } from "./error-response.ts";

/** Answers what never became a request, in the same form as everything else, and ends the connection. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  // The client is gone, or has a part of an answer already.
  if (error.code === "ECONNRESET" || !socket.writable || socket.bytesWritten > 0) {
    socket.destroy(error);
    return;
  }
  const { status, body } = errorResponse(explain(error), { requestId: newId() });
  const text = `${JSON.stringify(body)}\n`;
  socket.end(
    [
      `HTTP/1.1 ${status} ${reasonPhrases[status] ?? "Bad Request"}`,
      "Content-Type: application/json; charset=utf-8",
      `Content-Length: ${Buffer.byteLength(text)}`,
      "X-Content-Type-Options: nosniff",
      "Cache-Control: no-store",
      "Connection: close",
      "",
      text,
    ].join("\r\n"),
  );
}

const reasonPhrases: Record<number, string> = {
  400: "Bad Request",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
};

function explain({ code, message }: NodeJS.ErrnoException): AppError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new AppError("request.headers_too_large", "URL and headers are too large");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new AppError("request.timeout", "the request did not arrive in time");
    default:
      return new AppError("request.malformed", `this is no HTTP request: ${message}`, {
        hint: "Speak HTTP/1.1; with TLS when the server has a certificate.",
      });
  }
}

import { Readable } from "node:stream";
import { createGzip } from "node:zlib";
import type { FastifyReply, FastifyRequest } from "fastify";

/**
 * Streams values as JSON lines, a page of them at a time: memory does not grow with their number. Compressed when the
 * client takes gzip.
 */
export function sendJsonLines(
  request: FastifyRequest,
  reply: FastifyReply,
  pages: AsyncIterable<readonly unknown[]>,
  fileName: string,
): FastifyReply {
  reply.header("Content-Type", "application/x-ndjson; charset=utf-8");
  reply.header("Content-Disposition", `attachment; filename="${fileName}"`);
  const lines = Readable.from(linesOf(pages));
  lines.on("error", (error) => request.log.error({ err: error }, "an export broke off"));
  const accepted = String(request.headers["accept-encoding"] ?? "");
  if (!/\bgzip\b(?!\s*;\s*q=0(\.0*)?\b)/.test(accepted)) return reply.send(lines);
  reply.header("Content-Encoding", "gzip");
  return reply.send(lines.pipe(createGzip()).on("close", () => lines.destroy()));
}

async function* linesOf(pages: AsyncIterable<readonly unknown[]>): AsyncGenerator<string> {
  for await (const page of pages) {
    if (page.length > 0) yield `${page.map((value) => JSON.stringify(value)).join("\n")}\n`;
  }
}

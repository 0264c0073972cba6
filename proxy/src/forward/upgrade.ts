import { createHash, randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { machineNow, wouldBeLetIn } from "../access/readmission.ts";
import type { Exchange } from "../exchange.ts";
import type { Service } from "../route/service.ts";
import { downstreamHeaders } from "./response-headers.ts";

/** RFC 6455 §1.3 */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * The key for a WebSocket handshake that has none: over HTTP/2 the visitor sends no key (RFC 8441 §5.1), the target
 * wants one.
 *
 * @returns empty when the visitor brought its own, or the upgrade is not a WebSocket
 */
export function websocketKey(x: Exchange): string {
  return x.down.httpVersion === "2" && x.down.upgrade === "websocket"
    ? randomBytes(16).toString("base64")
    : "";
}

/** Adds what an HTTP/1.1 target needs for the handshake. */
export function upgradeHeaders(x: Exchange, key: string, headers: string[]): void {
  if (key === "") return;
  headers.push("sec-websocket-key", key);
  if (x.header("sec-websocket-version") === undefined) headers.push("sec-websocket-version", "13");
}

/** Whether the target really agreed: to the protocol asked for and, where the key was ours, to that key. */
export function verifyUpgrade(x: Exchange, key: string, raw: readonly Buffer[]): boolean {
  let upgrade = "";
  let accept = "";
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toString("latin1").toLowerCase();
    if (name === "upgrade") upgrade = raw[i + 1]!.toString("latin1").trim().toLowerCase();
    else if (name === "sec-websocket-accept") accept = raw[i + 1]!.toString("latin1").trim();
  }
  if (upgrade !== x.down.upgrade) return false;
  if (key === "") return true;
  return (
    accept ===
    createHash("sha1")
      .update(key + WEBSOCKET_GUID)
      .digest("base64")
  );
}

/** Answers the handshake and then carries bytes both ways until both sides have finished or one breaks. */
export function relayUpgrade(x: Exchange, raw: readonly Buffer[], upstream: Duplex): void {
  const headers = downstreamHeaders(x, raw);
  if (x.down.httpVersion === "2") {
    for (let i = headers.length - 2; i >= 0; i -= 2) {
      if (headers[i]!.toLowerCase() === "sec-websocket-accept") headers.splice(i, 2);
    }
  } else {
    headers.push("connection", "Upgrade", "upgrade", x.down.upgrade!);
  }
  const visitor = x.down.switchProtocols(headers);
  let received = 0;
  let sent = 0;
  let open = true;
  const { sessionWatch } = x.parts;
  const connection = {
    service: x.service!,
    parts: x.parts,
    sessionToken: x.sessionToken,
    isLetIn:
      machineNow(x, x.service!, Date.now()) === undefined
        ? undefined
        : () => machineNow(x, connection.service, Date.now()) !== undefined,
    destroy(): void {
      visitor.destroy();
      upstream.destroy();
    },
    moved(to: Service, sameAccess: boolean): void {
      connection.service = to;
      if (sameAccess) return;
      to.longLived.add(connection);
      wouldBeLetIn(x, to, Date.now()).then(
        (ok) => ok || connection.destroy(),
        () => connection.destroy(),
      );
    },
  };
  connection.service.longLived.add(connection);
  sessionWatch.add(connection);
  visitor.on("data", (chunk: Buffer) => {
    received += chunk.length;
    sessionWatch.used(connection);
  });
  upstream.on("data", (chunk: Buffer) => {
    sent += chunk.length;
  });
  const closed = (complete: boolean) => {
    connection.destroy();
    if (!open) return;
    open = false;
    connection.service.longLived.delete(connection);
    sessionWatch.remove(connection);
    x.bytesReceived = received;
    x.upgradedBytesSent = sent;
    x.parts.finished(x, complete);
  };
  visitor.on("error", () => closed(false));
  upstream.on("error", () => closed(false));
  visitor.on("close", () => closed(true));
  // A half-closed WebSocket serves nobody: when the target ends, the visitor's side is ended too, and the other way
  // round; both may still flush what they have.
  upstream.on("close", () => visitor.end());
  visitor.pipe(upstream);
  upstream.pipe(visitor);
}

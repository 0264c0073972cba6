import type { BlockList, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { unmapAddress } from "../access/cidr.ts";
import { listed } from "../access/restrict-address.ts";
import { type ProxiedAddresses, parseProxyHeader } from "./proxy-protocol.ts";

/** For the PROXY header, and for the ClientHello where it is looked at. */
export const PREAMBLE_MS = 5000;

export interface PeerAddress {
  readonly address: string;
  readonly port: number;
}

/** Address and port of the other end of a socket. */
export function peerOf(socket: Socket): PeerAddress {
  return { address: unmapAddress(socket.remoteAddress ?? ""), port: socket.remotePort ?? 0 };
}

/**
 * Reads from the start of a connection until `look` has seen enough, then puts everything back that it did not consume.
 * The socket is paused afterwards; nothing is lost for whoever takes it next.
 *
 * @param look gets all bytes so far; answers how many of them to take away, "more" or "bad"
 * @param silence what it means when `look` has not seen enough in time
 * @returns false when the connection ended, broke, said something bad or took too long; it is then destroyed
 */
export function readPreamble(
  socket: Duplex,
  look: (data: Buffer) => number | "more" | "bad",
  { timeoutMs = PREAMBLE_MS, silence = "bad" }: { timeoutMs?: number; silence?: "bad" | "enough" } = {},
): Promise<boolean> {
  return new Promise((resolve) => {
    let data: Buffer = Buffer.alloc(0);
    const finish = (ok: boolean) => {
      clearTimeout(timer);
      socket.off("readable", onReadable);
      socket.off("end", onBroken);
      socket.off("error", onBroken);
      socket.off("close", onBroken);
      if (!ok) socket.destroy();
      resolve(ok);
    };
    const onBroken = () => finish(false);
    const onReadable = () => {
      for (;;) {
        const chunk: Buffer | null = socket.read();
        if (chunk === null) return;
        data = data.length === 0 ? chunk : Buffer.concat([data, chunk]);
        const verdict = look(data);
        if (verdict === "more") continue;
        if (verdict === "bad") {
          finish(false);
          return;
        }
        const rest = data.subarray(verdict);
        if (rest.length > 0) socket.unshift(rest);
        finish(true);
        return;
      }
    };
    const timer = setTimeout(() => {
      if (silence === "enough" && data.length > 0) socket.unshift(data);
      finish(silence === "enough");
    }, timeoutMs);
    socket.on("readable", onReadable);
    socket.on("end", onBroken);
    socket.on("error", onBroken);
    socket.on("close", onBroken);
  });
}

/**
 * Takes the PROXY header off a connection where one may be.
 *
 * From a trusted source it is required and believed, from any other it is taken off and ignored; without a list of
 * trusted sources it is optional and believed from everybody.
 *
 * @returns the addresses to believe; undefined when the socket's own hold; null when the connection is gone
 */
export async function takeProxyHeader(
  socket: Socket,
  trusted: BlockList | undefined,
): Promise<ProxiedAddresses | undefined | null> {
  const isTrusted = trusted === undefined || listed(trusted, peerOf(socket).address);
  let addresses: ProxiedAddresses | undefined;
  const ok = await readPreamble(socket, (data) => {
    const header = parseProxyHeader(data);
    switch (header.kind) {
      case "incomplete":
        return "more";
      case "invalid":
        return "bad";
      case "none":
        return trusted !== undefined && isTrusted ? "bad" : 0;
      case "header":
        addresses = header.addresses;
        return header.bytes;
    }
  });
  if (!ok) return null;
  return isTrusted ? addresses : undefined;
}

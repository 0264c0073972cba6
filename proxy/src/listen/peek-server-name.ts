import type { Duplex } from "node:stream";
import { readPreamble } from "./accept.ts";
import { peekClientHello } from "./client-hello.ts";

/**
 * The name that a TLS client asks for, with nothing read from the connection afterwards.
 *
 * @returns lower case, empty when the client names none; undefined when the connection is gone
 */
export async function peekServerName(socket: Duplex): Promise<string | undefined> {
  let serverName = "";
  const ok = await readPreamble(socket, (data) => {
    const peeked = peekClientHello(data);
    if (peeked.kind === "incomplete") return "more";
    if (peeked.kind === "hello") serverName = peeked.serverName;
    return 0;
  });
  return ok ? serverName : undefined;
}

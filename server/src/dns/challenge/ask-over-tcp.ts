import { connect } from "node:net";

/**
 * One DNS message there and one back, over TCP: nobody can slip in another answer, and nothing is cut short.
 * Source: RFC 1035 §4.2.2.
 *
 * @throws Error of the network, or when nothing comes in time
 */
export function askOverTcp(
  { host, port }: { host: string; port: number },
  message: Buffer,
  timeoutMs: number,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => end(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const end = (outcome: Error | Buffer) => {
      clearTimeout(timer);
      socket.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    socket.on("connect", () => socket.write(Buffer.concat([length, message])));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      if (bytes.length < 2 || bytes.length < 2 + bytes.readUInt16BE(0)) return;
      end(bytes.subarray(2, 2 + bytes.readUInt16BE(0)));
    });
    socket.on("error", end);
    socket.on("close", () => end(new Error("the connection was closed without an answer")));
  });
}

export type Peeked =
  /** `serverName` is lower case, empty when the client names none. */
  { kind: "hello"; serverName: string; protocols: string[] } | { kind: "incomplete" } | { kind: "not-tls" };

const MAX_HELLO_BYTES = 64 * 1024;

/**
 * Reads the server name from the start of a TLS connection without taking part in it. A ClientHello may be spread over
 * several records (RFC 8446 §5.1), and is, with post-quantum key shares.
 */
export function peekClientHello(data: Buffer): Peeked {
  const hello = handshakeBytes(data);
  if (hello === "incomplete") return { kind: "incomplete" };
  if (hello === "not-tls" || hello[0] !== 1) return { kind: "not-tls" };
  const body = hello.subarray(4);
  return { kind: "hello", serverName: serverNameOf(body), protocols: protocolsOf(body) };
}

/** The first handshake message, put together from its records. */
function handshakeBytes(data: Buffer): Buffer | "incomplete" | "not-tls" {
  const parts: Buffer[] = [];
  let have = 0;
  let at = 0;
  for (;;) {
    if (data.length > at && data[at] !== 22) return "not-tls";
    if (data.length > at + 1 && data[at + 1] !== 3) return "not-tls";
    if (data.length < at + 5) return "incomplete";
    const length = data.readUInt16BE(at + 3);
    if (length === 0 || length > 16_384) return "not-tls";
    const part = data.subarray(at + 5, at + 5 + length);
    parts.push(part);
    have += part.length;
    if (have >= 4) {
      const message = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      if (message[0] !== 1) return "not-tls";
      const total = 4 + message.readUIntBE(1, 3);
      if (total > MAX_HELLO_BYTES) return "not-tls";
      if (have >= total) return message.subarray(0, total);
    }
    if (part.length < length) return "incomplete";
    at += 5 + length;
  }
}

/** RFC 6066 §3. @returns empty for whatever is not as it should be */
function serverNameOf(body: Buffer): string {
  return (
    readExtension(body, 0, (extension) => {
      if (extension.readUInt8(2) !== 0) return "";
      const nameLength = extension.readUInt16BE(3);
      if (nameLength === 0 || nameLength > 253 || nameLength + 5 > extension.length) return "";
      const name = extension.toString("latin1", 5, 5 + nameLength).toLowerCase();
      return /^[a-z0-9._-]+$/.test(name) ? name.replace(/\.$/, "") : "";
    }) ?? ""
  );
}

/** Application protocols the client offers, RFC 7301 §3.1. */
function protocolsOf(body: Buffer): string[] {
  return (
    readExtension(body, 16, (extension) => {
      const protocols: string[] = [];
      for (let at = 2; at < extension.length; ) {
        const length = extension.readUInt8(at);
        protocols.push(extension.toString("latin1", at + 1, at + 1 + length));
        at += 1 + length;
      }
      return protocols;
    }) ?? []
  );
}

/** RFC 8446 §4.1.2. @returns undefined without such an extension, or when something is not as it should be */
function readExtension<T>(body: Buffer, wanted: number, read: (extension: Buffer) => T): T | undefined {
  try {
    let at = 2 + 32;
    at += 1 + body.readUInt8(at);
    at += 2 + body.readUInt16BE(at);
    at += 1 + body.readUInt8(at);
    if (at === body.length) return undefined;
    const end = at + 2 + body.readUInt16BE(at);
    at += 2;
    while (at + 4 <= end) {
      const type = body.readUInt16BE(at);
      const length = body.readUInt16BE(at + 2);
      at += 4;
      if (type === wanted) return read(body.subarray(at, at + length));
      at += length;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

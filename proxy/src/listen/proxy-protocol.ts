import { isIP } from "node:net";

/** What a PROXY header says about the connection it stands in front of. */
export interface ProxiedAddresses {
  readonly sourceAddress: string;
  readonly sourcePort: number;
}

export type ProxyHeader =
  /** `addresses` is absent when the header says that there is none to tell (LOCAL, UNKNOWN). */
  | { kind: "header"; bytes: number; addresses: ProxiedAddresses | undefined }
  | { kind: "incomplete" }
  /** The connection does not start with a header. */
  | { kind: "none" }
  | { kind: "invalid" };

const V1 = Buffer.from("PROXY ");
const V2 = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const V1_MAX_BYTES = 107;

/**
 * Reads a PROXY protocol header, version 1 or 2, from the start of a connection.
 * Source: the PROXY protocol, https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt §2.1 and §2.2.
 */
export function parseProxyHeader(data: Buffer): ProxyHeader {
  if (startsLike(data, V2)) return data.length < 16 ? { kind: "incomplete" } : parseV2(data);
  if (startsLike(data, V1)) return parseV1(data);
  return { kind: "none" };
}

function startsLike(data: Buffer, signature: Buffer): boolean {
  const length = Math.min(data.length, signature.length);
  return length > 0 && data.compare(signature, 0, length, 0, length) === 0;
}

function parseV1(data: Buffer): ProxyHeader {
  const end = data.indexOf("\r\n");
  if (end === -1) return data.length >= V1_MAX_BYTES ? { kind: "invalid" } : { kind: "incomplete" };
  if (end + 2 > V1_MAX_BYTES) return { kind: "invalid" };
  const bytes = end + 2;
  const parts = data.toString("latin1", 0, end).split(" ");
  if (parts[1] === "UNKNOWN") return { kind: "header", bytes, addresses: undefined };
  const [, family, source, destination, sourcePort, destinationPort] = parts;
  const version = family === "TCP4" ? 4 : family === "TCP6" ? 6 : 0;
  const port = readPort(sourcePort);
  if (
    parts.length !== 6 ||
    version === 0 ||
    isIP(source!) !== version ||
    isIP(destination!) !== version ||
    port === undefined ||
    readPort(destinationPort) === undefined
  ) {
    return { kind: "invalid" };
  }
  return { kind: "header", bytes, addresses: { sourceAddress: source!, sourcePort: port } };
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

function parseV2(data: Buffer): ProxyHeader {
  const versionAndCommand = data[12]!;
  if (versionAndCommand >> 4 !== 2) return { kind: "invalid" };
  const command = versionAndCommand & 15;
  if (command > 1) return { kind: "invalid" };
  const family = data[13]! >> 4;
  const length = data.readUInt16BE(14);
  const bytes = 16 + length;
  if (data.length < bytes) return { kind: "incomplete" };
  if (command === 0) return { kind: "header", bytes, addresses: undefined };
  if (family === 1) {
    if (length < 12) return { kind: "invalid" };
    const sourceAddress = [...data.subarray(16, 20)].join(".");
    return { kind: "header", bytes, addresses: { sourceAddress, sourcePort: data.readUInt16BE(24) } };
  }
  if (family === 2) {
    if (length < 36) return { kind: "invalid" };
    return {
      kind: "header",
      bytes,
      addresses: { sourceAddress: ipv6Text(data.subarray(16, 32)), sourcePort: data.readUInt16BE(48) },
    };
  }
  return { kind: "header", bytes, addresses: undefined };
}

function ipv6Text(bytes: Buffer): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(bytes.readUInt16BE(i).toString(16));
  // The URL parser knows how to write it short.
  const text = new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text);
  if (mapped === null) return text;
  return [...bytes.subarray(12, 16)].join(".");
}

/** A version 2 header for a connection that we make on behalf of this client. */
export function encodeProxyHeader(
  source: { address: string; port: number },
  destination: { address: string; port: number },
): Buffer {
  const version = isIP(source.address) === 6 || isIP(destination.address) === 6 ? 6 : 4;
  const size = version === 4 ? 4 : 16;
  const header = Buffer.alloc(16 + 2 * size + 4);
  V2.copy(header, 0);
  header[12] = 0x21;
  header[13] = version === 4 ? 0x11 : 0x21;
  header.writeUInt16BE(2 * size + 4, 14);
  addressBytes(source.address, version).copy(header, 16);
  addressBytes(destination.address, version).copy(header, 16 + size);
  header.writeUInt16BE(source.port, 16 + 2 * size);
  header.writeUInt16BE(destination.port, 18 + 2 * size);
  return header;
}

function addressBytes(address: string, version: 4 | 6): Buffer {
  if (version === 4) return Buffer.from(address.split(".").map(Number));
  if (isIP(address) === 4) {
    return Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), addressBytes(address, 4)]);
  }
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill("0");
  const bytes = Buffer.alloc(16);
  [...left, ...middle, ...right].forEach((group, i) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2);
  });
  return bytes;
}

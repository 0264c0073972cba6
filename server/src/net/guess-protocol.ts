const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/**
 * Which protocol the first bytes of a cleartext connection belong to.
 * Source: RFC 9113 §3.4, the client's connection preface. `PRI` is no method of HTTP/1.1, so three bytes are enough.
 */
export function guessProtocol(firstBytes: Uint8Array): "h2" | "http/1.1" | "undecided" {
  const length = Math.min(firstBytes.length, 3);
  for (let at = 0; at < length; at += 1) if (firstBytes[at] !== PREFACE[at]) return "http/1.1";
  return length < 3 ? "undecided" : "h2";
}

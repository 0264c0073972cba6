const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const MAX_NAME = 128;
export const MAX_HEADER_VALUE_BYTES = 4096;

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const reserved = new Set([
  "content-length",
  "content-type",
  "cookie",
  "forwarded",
  "host",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
]);

/** Why a header may not be set or asked for by a service; undefined when it may. */
export function headerNameProblem(name: string): string | undefined {
  if (!TOKEN.test(name)) return "is no valid header name";
  if (name.length > MAX_NAME) return `is longer than ${MAX_NAME} characters`;
  const lower = name.toLowerCase();
  if (hopByHop.has(lower)) return "belongs to one connection and cannot be used here";
  if (reserved.has(lower)) return "is set by the proxy and cannot be used here";
  return undefined;
}

/** Control characters other than the tab have no place in a header (RFC 9110 §5.5): nobody could send it. */
export function headerValueProblem(value: string): string | undefined {
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return "must not contain line breaks or control characters";
  if (Buffer.byteLength(value) > MAX_HEADER_VALUE_BYTES)
    return `is longer than ${MAX_HEADER_VALUE_BYTES} bytes`;
  return undefined;
}

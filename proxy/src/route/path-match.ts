/**
 * Path prefixes match at segment boundaries, longest first: `/api` covers `/api` and `/api/x`, never `/apix`. Segments
 * are compared decoded, so that `/%61pi` cannot walk around a longer prefix, and an encoded slash stays inside its
 * segment (RFC 3986 §2.2, §6.2.2.2).
 */
export interface PathPrefix {
  /** Without a trailing slash; empty for the root. */
  readonly text: string;
  /** Decoded segments of {@link text}. */
  readonly segments: readonly string[];
  /** {@link text} may be spelled in other ways. */
  readonly encoded: boolean;
}

/** `/api/`, `/api` and `api` are the same prefix. */
export function parsePathPrefix(path: string): PathPrefix {
  const segments = path.split("/").filter((segment) => segment !== "");
  return {
    text: segments.map((segment) => `/${segment}`).join(""),
    segments: segments.map(decodeSegment),
    encoded: path.includes("%"),
  };
}

/** Percent-decodes what is decodable; a lone `%` stands for itself. */
function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * How many characters of `path` the prefix covers.
 *
 * @param path request path without query, starting with a slash
 * @returns characters to cut when the prefix is stripped, or -1 when it does not match
 */
export function matchPrefix(path: string, prefix: PathPrefix): number {
  const { text } = prefix;
  if (text === "") return 0;
  if (path.startsWith(text)) {
    if (path.length === text.length || path.charCodeAt(text.length) === 47) return text.length;
  }
  return prefix.encoded || path.includes("%") ? matchDecoded(path, prefix) : -1;
}

function matchDecoded(path: string, prefix: PathPrefix): number {
  let at = 0;
  for (const wanted of prefix.segments) {
    if (path.charCodeAt(at) !== 47) return -1;
    const next = path.indexOf("/", at + 1);
    const end = next === -1 ? path.length : next;
    if (decodeSegment(path.slice(at + 1, end)) !== wanted) return -1;
    at = end;
  }
  return at;
}

/**
 * How servers read a path that can be read in several ways. The proxy sends a visitor's path on as it came, so which
 * page it opens is decided by the target: nginx decodes and resolves `..`, Tomcat cuts `;...` off, IIS turns a backslash
 * around, a Node server that makes a URL of it takes `//name` for a host. A rule must hold for all of them.
 */

/** Anything in a path that is not read alike everywhere. Nearly no request has it. */
const doubtful = /[%\\;]|\/\/|[. ](?:\/|$)|[^\x21-\x7e]/;

/** More than any honest path needs; a path that has more is an attempt to find the one that was forgotten. */
const MAX_READINGS = 150;
const MAX_LENGTH = 4096;

type Step = (path: string) => string;

const steps: readonly Step[] = [
  (path) =>
    path.replace(/%(?:u([0-9a-f]{4})|([0-9a-f]{2}))/gi, (_, wide?: string, byte?: string) =>
      wide === undefined ? String.fromCharCode(Number.parseInt(byte!, 16)) : utf8(Number.parseInt(wide, 16)),
    ),
  // UTF-8 with more bytes than it takes: `%c0%ae` is a full stop for those who do not check (RFC 3629 §10).
  (path) =>
    path.replace(/[\xc0\xc1][\x80-\xbf]/g, (two) =>
      String.fromCharCode(((two.charCodeAt(0) & 0x1f) << 6) | (two.charCodeAt(1) & 0x3f)),
    ),
  (path) => path.replaceAll("\\", "/"),
  (path) => path.replace(/;[^/]*/g, ""),
  (path) => path.replace(/[\0?#].*$/s, ""),
  (path) => path.replace(/[\0\t\r\n]/g, ""),
  (path) => path.replace(/\/{2,}/g, "/"),
  // `//name/rest` is another host for whoever resolves it as a reference (RFC 3986 §4.2).
  (path) => path.replace(/^[/\\]{2}[^/\\]*/, ""),
  // Windows drops full stops and blanks at the end of a name.
  (path) => path.replace(/([^/. ])[. ]+(?=\/|$)/g, "$1"),
  resolveDots,
];

/**
 * @param path request path as bytes in characters, without query
 * @returns first the path with everything decoded that means the same to everybody; undefined when there are too many readings to look at all of them
 */
export function pathReadings(path: string): readonly string[] | undefined {
  if (!doubtful.test(path)) return [path];
  if (path.length > MAX_LENGTH) return undefined;
  const readings = new Set([plainSpelling(path)]);
  // A set goes on over what is added on the way: every step is tried on the outcome of every other.
  for (const reading of readings) {
    for (const step of steps) {
      const next = step(reading);
      readings.add(next.startsWith("/") ? next : `/${next}`);
    }
    if (readings.size > MAX_READINGS) return undefined;
  }
  return [...readings];
}

/** Encoded letters, digits and bytes of other alphabets are the letters themselves (RFC 3986 §6.2.2.2, §2.5). */
function plainSpelling(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (encoded, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return /[\w.~\x80-\xff-]/.test(character) ? character : encoded;
  });
}

/** RFC 3986 §5.2.4; above the root is the root. */
function resolveDots(path: string): string {
  if (!path.includes("/.")) return path;
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [at, segment] of segments.entries()) {
    const last = at === segments.length - 1;
    if (segment === "..") kept.pop();
    if (segment !== "." && segment !== "..") kept.push(segment);
    else if (last) kept.push("");
  }
  return `/${kept.join("/")}`;
}

/** As bytes in characters, like everything that comes from a socket. */
function utf8(codePoint: number): string {
  return Buffer.from(String.fromCharCode(codePoint), "utf8").toString("latin1");
}

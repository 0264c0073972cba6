/**
 * The host part of a Host header or :authority, lower case, without port and trailing dot.
 *
 * @returns undefined when it is not a host: user information, several hosts, control characters, a bad port
 */
export function hostOf(authority: string): string | undefined {
  let end = authority.length;
  if (end === 0 || end > 512) return undefined;
  let upper = false;
  let colon = -1;
  if (authority.charCodeAt(0) === 91) return bracketedHost(authority);
  for (let i = 0; i < end; i++) {
    const code = authority.charCodeAt(i);
    if ((code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 46 || code === 45) {
      if (colon !== -1 && (code < 48 || code > 57)) return undefined;
    } else if (code >= 65 && code <= 90) {
      if (colon !== -1) return undefined;
      upper = true;
    } else if (code === 58) {
      if (colon !== -1) return undefined;
      colon = i;
    } else if (code !== 95 || colon !== -1) {
      return undefined;
    }
  }
  if (colon !== -1) end = colon;
  if (authority.charCodeAt(end - 1) === 46) end -= 1;
  if (end === 0) return undefined;
  const host = end === authority.length ? authority : authority.slice(0, end);
  return upper ? host.toLowerCase() : host;
}

function bracketedHost(authority: string): string | undefined {
  const match = /^\[([0-9a-fA-F:.]+)\](?::\d*)?$/.exec(authority);
  return match === null ? undefined : match[1]!.toLowerCase();
}

/** The port an authority names, or undefined when it names none. */
export function portOf(authority: string): string | undefined {
  const colon = authority.lastIndexOf(":");
  if (colon === -1 || authority.indexOf("]", colon) !== -1) return undefined;
  const port = authority.slice(colon + 1);
  return port === "" ? undefined : port;
}

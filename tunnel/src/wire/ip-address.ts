import { failed, type Parsed } from "./parsed.ts";

/**
 * An IPv4 or IPv6 address as four int32 words, most significant first. IPv4 is held v4-mapped (0, 0, 0xffff, address), so
 * that one comparison and one hash serve both families.
 */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly w0: number;
  readonly w1: number;
  readonly w2: number;
  readonly w3: number;
  /** RFC 5952 text for IPv6, dotted quad for IPv4. */
  readonly text: string;
}

export interface IpPrefix {
  readonly address: IpAddress;
  /** 0..32 for IPv4, 0..128 for IPv6. */
  readonly length: number;
}

export function ipv4FromWord(word: number): IpAddress {
  return { family: 4, w0: 0, w1: 0, w2: 0xffff, w3: word | 0, text: formatIpv4(word) };
}

export function ipv6FromWords(w0: number, w1: number, w2: number, w3: number): IpAddress {
  return { family: 6, w0: w0 | 0, w1: w1 | 0, w2: w2 | 0, w3: w3 | 0, text: formatIpv6(w0, w1, w2, w3) };
}

export function sameAddress(a: IpAddress, b: IpAddress): boolean {
  return a.family === b.family && a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0;
}

/** Parses a literal address; no zone ids, no names, no shorthand like `10.1`. */
export function parseIpAddress(text: string): Parsed<IpAddress> {
  if (text.includes(":")) {
    const words = parseIpv6Words(text);
    if (words === undefined) return failed("bad-text");
    return { ok: true, value: ipv6FromWords(words[0]!, words[1]!, words[2]!, words[3]!) };
  }
  const word = parseIpv4Word(text);
  return word === undefined ? failed("bad-text") : { ok: true, value: ipv4FromWord(word) };
}

/** Parses `address/length`, or an address alone as its host prefix. */
export function parseIpPrefix(text: string): Parsed<IpPrefix> {
  const slash = text.indexOf("/");
  const address = parseIpAddress(slash < 0 ? text : text.slice(0, slash));
  if (!address.ok) return address;
  const maxLength = address.value.family === 4 ? 32 : 128;
  if (slash < 0) return { ok: true, value: { address: address.value, length: maxLength } };
  const lengthText = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(lengthText)) return failed("bad-text");
  const length = Number(lengthText);
  return length > maxLength ? failed("bad-text") : { ok: true, value: { address: address.value, length } };
}

function parseIpv4Word(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let word = 0;
  for (let i = 1; i <= 4; i += 1) {
    const part = match[i]!;
    // A leading zero means octal to some parsers; refusing it leaves no room for two readings.
    if (part.length > 1 && part.startsWith("0")) return undefined;
    if (Number(part) > 255) return undefined;
    word = (word << 8) | Number(part);
  }
  return word;
}

function parseIpv6Words(text: string): number[] | undefined {
  let source = text;
  const lastColon = source.lastIndexOf(":");
  if (source.includes(".")) {
    const word = parseIpv4Word(source.slice(lastColon + 1));
    if (word === undefined) return undefined;
    source = `${source.slice(0, lastColon + 1)}${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`;
  }
  const halves = source.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!);
  const tail = halves.length === 2 ? groupsOf(halves[1]!) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const words: number[] = [];
  for (let i = 0; i < 8; i += 2) words.push((groups[i]! << 16) | groups[i + 1]!);
  return words;
}

function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  for (const group of text.split(":")) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    groups.push(Number.parseInt(group, 16));
  }
  return groups;
}

function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  const groups: number[] = [];
  for (const word of [w0, w1, w2, w3]) groups.push(word >>> 16, word & 0xffff);
  // RFC 5952 §4.2: the longest run of two or more zero groups, the first one of equal length, becomes "::".
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length += 1;
    if (length > bestLength) {
      bestStart = start;
      bestLength = length;
    }
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(":");
  if (bestStart < 0) return text(groups);
  return `${text(groups.slice(0, bestStart))}::${text(groups.slice(bestStart + bestLength))}`;
}

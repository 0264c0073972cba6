import { Decimal, type NumberValue } from "./value.ts";

/** Longest plain integer text that is turned into a bigint; anything longer stays text. */
const MAX_INTEGER_DIGITS = 80;

const NUMBER = /^([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** Reads decimal text without losing a digit; undefined when it is no number. */
export function parseNumber(text: string): NumberValue | undefined {
  const match = NUMBER.exec(text);
  if (match === null) return undefined;
  const isInteger = match[3] === undefined && match[4] === undefined;
  if (isInteger && text.length <= MAX_INTEGER_DIGITS) {
    const integer = BigInt(text.startsWith("+") ? text.slice(1) : text);
    return isSafe(integer) ? Number(integer) : integer;
  }
  return new Decimal(text);
}

/** One spelling per number: `1e1`, `10` and `10.0` give the same text. */
export function canonicalNumber(value: NumberValue): string {
  const text = value instanceof Decimal ? value.text : exactText(value);
  const match = NUMBER.exec(text);
  if (match === null) return text;
  const [, sign, whole, fraction = "", exponent = "0"] = match;
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign === "-" ? "-" : ""}${significant}e${power}`;
}

/** JavaScript prints large floats shortened; the number they stand for has more digits. */
function exactText(value: number | bigint): string {
  return typeof value === "number" && Number.isInteger(value) ? BigInt(value).toString() : String(value);
}

export function isSafe(integer: bigint): boolean {
  return integer <= BigInt(Number.MAX_SAFE_INTEGER) && integer >= BigInt(Number.MIN_SAFE_INTEGER);
}

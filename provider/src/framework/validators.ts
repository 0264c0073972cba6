import { isUnknown, type Value } from "../convert/value.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { parseDurationMs } from "./duration.ts";
import type { Path } from "./path.ts";

/** Looks at one configured value, which is neither null nor unknown. Pure, without network. */
export type Validator = (value: Value, at: Path, diagnostics: Diagnostics) => void;

export function oneOf(...allowed: readonly string[]): Validator {
  return (value, at, diagnostics) => {
    if (typeof value === "string" && !allowed.includes(value))
      diagnostics.error(at, "Not an allowed value", `"${value}" is not one of ${allowed.join(", ")}.`);
  };
}

/** Length in bytes of UTF-8, as servers count it. */
export function bytesBetween(least: number, most: number): Validator {
  return (value, at, diagnostics) => {
    if (typeof value !== "string") return;
    const bytes = Buffer.byteLength(value, "utf8");
    if (bytes < least || bytes > most)
      diagnostics.error(
        at,
        "Wrong length",
        `Between ${least} and ${most} bytes are needed; this has ${bytes}.`,
      );
  };
}

export function integerBetween(least: number, most: number): Validator {
  return (value, at, diagnostics) => {
    if (typeof value === "number" && (value < least || value > most))
      diagnostics.error(at, "Out of range", `${value} is not between ${least} and ${most}.`);
  };
}

export function matching(pattern: RegExp, expectation: string): Validator {
  return (value, at, diagnostics) => {
    if (typeof value === "string" && !pattern.test(value))
      diagnostics.error(at, "Not in the expected form", `"${value}" is not ${expectation}.`);
  };
}

/** Runs a validator on every element of a list, set or map. */
export function eachElement(validator: Validator): Validator {
  return (value, at, diagnostics) => {
    if (Array.isArray(value)) {
      value.forEach((element: Value, index) => {
        if (isKnown(element)) validator(element, [...at, index], diagnostics);
      });
    } else if (value instanceof Map) {
      for (const [key, element] of value as ReadonlyMap<string, Value>)
        if (isKnown(element)) validator(element, [...at, { key }], diagnostics);
    }
  };
}

/** The same for a set, whose elements Terraform cannot point at. */
export function eachOfSet(validator: Validator): Validator {
  return (value, at, diagnostics) => {
    if (!Array.isArray(value)) return;
    for (const element of value as readonly Value[])
      if (isKnown(element)) validator(element, at, diagnostics);
  };
}

export function notEmpty(what: string): Validator {
  return (value, at, diagnostics) => {
    const size = Array.isArray(value) ? value.length : value instanceof Map ? value.size : 1;
    if (size === 0) diagnostics.error(at, "Empty", `At least one ${what} is needed.`);
  };
}

/** A duration such as "30s" or "1m30s", not negative. */
export const duration: Validator = (value, at, diagnostics) => {
  if (typeof value !== "string") return;
  const ms = parseDurationMs(value);
  if (ms === undefined || ms < 0)
    diagnostics.error(
      at,
      "Not a duration",
      `"${value}" is not a duration. Write it like "30s", "1m30s" or "500ms".`,
    );
};

function isKnown(value: Value): boolean {
  return value !== null && !isUnknown(value);
}

import { AppError } from "@netbird-proxy/proto";

/**
 * Reads a body as NetBird's server does: the content type does not matter, null stands for "not sent", an empty body is
 * none. In a merge patch null means "take it away" and stays.
 * @throws AppError `request.malformed`
 */
export function parseJsonBody(text: string, { keepNulls = false } = {}): unknown {
  if (text.trim() === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError("request.malformed", `the body is no JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return cleaned(value, 0, keepNulls);
}

const MAX_DEPTH = 64;

function cleaned(value: unknown, depth: number, keepNulls: boolean): unknown {
  if (typeof value === "string") return storable(value);
  if (value === null || typeof value !== "object") return value;
  if (depth >= MAX_DEPTH) {
    throw new AppError("request.malformed", `the body is nested more than ${MAX_DEPTH} levels deep`);
  }
  if (Array.isArray(value)) return value.map((member) => cleaned(member, depth + 1, keepNulls));
  const result: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const key = storable(name);
    // Assigning to __proto__ would change the object instead of adding a member; no field has that name.
    if (key === "__proto__" || (member === null && !keepNulls)) continue;
    result[key] = cleaned(member, depth + 1, keepNulls);
  }
  return result;
}

// In unicode mode a pair is one character, so this matches only halves that stand alone.
const LONE_SURROGATE = /\p{Surrogate}/u;

/** No database keeps these in text: one would come back as something else. */
function storable(text: string): string {
  if (text.includes("\0")) {
    throw new AppError("request.malformed", "the body has a NUL character (\\u0000) in a string");
  }
  if (LONE_SURROGATE.test(text)) {
    throw new AppError(
      "request.malformed",
      "the body has half a surrogate pair (\\ud800 to \\udfff) in a string",
    );
  }
  return text;
}

import { AppError } from "@netbird-proxy/proto";

/**
 * Reads a body as NetBird's server does: the content type does not matter, null stands for "not sent", an empty body is
 * none. @throws AppError `request.malformed`
 */
export function parseJsonBody(text: string): unknown {
  if (text.trim() === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError("request.malformed", `the body is no JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return withoutNulls(value);
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object") return value;
  const result: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    // Assigning to __proto__ would change the object instead of adding a member; no field has that name.
    if (member !== null && key !== "__proto__") result[key] = withoutNulls(member);
  }
  return result;
}

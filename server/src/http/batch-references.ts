/** A reference that names no earlier operation, or no text in its answer. */
export class UnknownReference extends Error {}

/**
 * Puts in what earlier operations answered: a text that is exactly `@{ref.member}` in a body, and any such part of a
 * path. `@{net.id}` is the member `id` of the answer of the operation with `ref: "net"`.
 *
 * @throws UnknownReference
 */
export function resolveReferences(
  value: unknown,
  answers: ReadonlyMap<string, unknown>,
  { inPath = false }: { inPath?: boolean } = {},
): unknown {
  if (typeof value === "string") {
    if (inPath) {
      return value.replace(/@\{([^}]*)\}/g, (_whole, name: string) =>
        encodeURIComponent(String(lookUp(name, answers))),
      );
    }
    const whole = /^@\{([^}]*)\}$/.exec(value);
    return whole ? lookUp(whole[1]!, answers) : value;
  }
  if (Array.isArray(value)) return value.map((item) => resolveReferences(item, answers));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, resolveReferences(member, answers)]),
  );
}

function lookUp(name: string, answers: ReadonlyMap<string, unknown>): string | number {
  const [ref = "", ...members] = name.split(".");
  let value = answers.get(ref);
  for (const member of members) {
    value =
      value !== null && typeof value === "object" && Object.hasOwn(value, member)
        ? (value as Record<string, unknown>)[member]
        : undefined;
  }
  if (typeof value === "string" || typeof value === "number") return value;
  throw new UnknownReference(
    answers.has(ref)
      ? `the answer of the operation ${ref} has no text ${members.join(".")}`
      : `no earlier operation that succeeded is called ${ref}`,
  );
}

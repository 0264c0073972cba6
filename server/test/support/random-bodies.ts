import fc from "fast-check";
import type { WriteRoute } from "./request-bodies.ts";
import type { RestServer } from "./rest-server.ts";

// biome-ignore lint/suspicious/noExplicitAny: schemas of the OpenAPI document
type Schema = any;

/** A route's own body with some of its fields, and some others, at random. */
export type BodyAround = (
  route: WriteRoute,
  options: { except: readonly string[] },
) => fc.Arbitrary<Record<string, unknown>>;

/** What fields there are, and of which type, is read from the server's own OpenAPI document. */
export async function bodiesAround(server: RestServer): Promise<BodyAround> {
  const { body: document } = await server.call("GET", "/openapi.json");
  const resolve = (schema: Schema): Schema =>
    JSON.parse(JSON.stringify(schema), (_key, value) =>
      value?.$ref ? resolve(document.components.schemas[value.$ref.split("/").pop()]) : value,
    );
  return ({ method, path, body }, { except }) => {
    const [, operations] = Object.entries<Schema>(document.paths).find(
      ([pattern, one]) =>
        method.toLowerCase() in one &&
        new RegExp(`^${pattern.replace(/\{\w+\}/g, "[^/]+")}$`).test(`/api${path}`),
    )!;
    const [content] = Object.values<Schema>(operations[method.toLowerCase()].requestBody.content);
    const fields = Object.entries<Schema>(resolve(content.schema).properties)
      .filter(([key]) => !except.includes(key))
      .map(([key, one]) => fc.record({ [key]: valueLike(one, 1) }));
    return fc
      .array(fc.oneof(...fields), { maxLength: 2 })
      .map((changes) => Object.assign({}, body, ...changes) as Record<string, unknown>);
  };
}

const strange = fc.oneof(
  fc.constantFrom<unknown>(
    "",
    "0",
    "\u{10ffff}",
    "a\u202eb",
    "x".repeat(5_000),
    "../../etc/passwd",
    "' OR 1=1 --",
    "@{x.id}",
  ),
  fc.constantFrom<unknown>(-0, -1, 0.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e300, Number.MIN_VALUE),
  fc.constantFrom<unknown>(
    true,
    false,
    [],
    {},
    [[]],
    [{}],
    { __proto__: { polluted: true } },
    { constructor: 1, toString: null },
  ),
  fc.string({ unit: "grapheme" }),
  fc.jsonValue(),
) as fc.Arbitrary<unknown>;

function valueLike(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  const { type, properties, items, anyOf, enum: allowed } = schema;
  if (depth > 5) return strange;
  const likely = (right: fc.Arbitrary<unknown>) =>
    fc.oneof(
      { weight: 12, arbitrary: right },
      { weight: 1, arbitrary: strange },
      { weight: 1, arbitrary: fc.constant(null) },
    );
  if (allowed) return likely(fc.constantFrom(...allowed));
  if (anyOf) return fc.oneof(...anyOf.map((one: Schema) => valueLike(one, depth + 1)));
  switch (type) {
    case "string":
      return likely(
        fc.oneof(
          fc.string({ unit: "grapheme" }),
          fc.domain(),
          fc.ipV4(),
          fc.constantFrom("10s", "10.0.0.0/8", "80", "DE"),
        ),
      );
    case "boolean":
      return likely(fc.boolean());
    case "integer":
      return likely(fc.oneof(fc.integer({ min: 0, max: 400 }), fc.maxSafeInteger(), fc.integer()));
    case "array":
      return likely(fc.array(valueLike(items ?? {}, depth + 1), { maxLength: 3 }));
    case "object":
      return likely(
        fc.record(
          Object.fromEntries(
            Object.entries<Schema>(properties ?? {}).map(([key, one]) => [key, valueLike(one, depth + 1)]),
          ),
          { requiredKeys: [] },
        ),
      );
    default:
      return strange;
  }
}

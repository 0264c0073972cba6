import assert from "node:assert/strict";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import { forcesReplacement, settablePaths } from "../support/attribute-paths.ts";
import { replacementCases } from "./cases.ts";
import { NOWHERE } from "./replacement-world.ts";

suite("replacement by every attribute that needs a new object", () => {
  test("has exactly the cases that the schemas have", () => {
    const schemas = netbirdProvider(readEnvironment({})).resources.flatMap(({ typeName, schema }) =>
      settablePaths(schema.attributes)
        .filter(({ attribute }) => forcesReplacement(attribute))
        .map(({ path }) => `${typeName}.${path}`),
    );
    const cases = replacementCases(NOWHERE).flatMap(({ type, replacements }) =>
      replacements.map(({ by }) => `${type}.${by}`),
    );
    assert.deepEqual(cases.sort(), schemas.sort());
  });
});

import assert from "node:assert/strict";
import type { Attributes } from "../../src/framework/schema.ts";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import { oneOfEach, writePair } from "../support/one-of-each.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";

/** Attributes that may be left out or be an empty collection, by type. */
const collections = new Map(
  netbirdProvider(readEnvironment({})).resources.map(({ typeName, schema }) => [
    typeName,
    Object.entries(schema.attributes as Attributes)
      .filter(([, { optional, type, nested, block }]) => optional && !block && Array.isArray(type) && !nested)
      .map(([name]) => name),
  ]),
);

/** The same membership is written at the other end, in `groups` of the network resource. */
const elsewhere = new Set(["netbird_group.resources"]);

suite("an empty collection and none", () => {
  let real: RealServer;
  setup(async () => {
    real = await openRealServer();
    await writePair(real.workspace.folder);
  });
  teardown(() => real.close());

  test("both are planned, applied and read as they are written, and either can become the other", async function () {
    this.timeout(60_000);
    const { workspace } = real;
    const omitted = oneOfEach(await real.make("/peers", { name: "web" }));
    const written: string[] = [];
    const empty = omitted.replace(
      /resource "(netbird_\w+)" "this" \{([\s\S]*?)\n? *\}(?=\n {2}resource|$)/g,
      (block, typeName: string) => {
        const more = collections
          .get(typeName)!
          .filter(
            (name) => !new RegExp(`\\b${name} +=`).test(block) && !elsewhere.has(`${typeName}.${name}`),
          );
        written.push(...more.map((name) => `${typeName}.${name}`));
        return block
          .replace(/"this" \{/, `"this" {\n${more.map((name) => `    ${name} = []\n`).join("")}`)
          .replace(/ \}$/, "\n  }");
      },
    );
    assert.ok(written.length >= 10, written.join());
    for (const hcl of [empty, omitted, empty]) {
      await workspace.apply(hcl);
      await workspace.apply(hcl);
      await workspace.assertEmptyPlan();
    }
    for (const one of written) {
      const [typeName, name] = one.split(".") as [string, string];
      assert.deepEqual((await workspace.state(`${typeName}.this`))![name], [], one);
    }
  });
});

import assert from "node:assert/strict";
import type { Json } from "../support/management-server.ts";
import { plannedChanges } from "../support/planned-changes.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import { replacementCases } from "./cases.ts";
import { addressOf, block, type Replacement, type ReplacementCase } from "./replacement-case.ts";
import { makeReplacementWorld, NOWHERE } from "./replacement-world.ts";

const rounds = Math.max(...replacementCases(NOWHERE).map((one) => one.replacements.length));

/** `every-attribute.test.ts` holds the cases against the schema, so that no attribute is left out. */
for (const shipped of [false, true])
  suite(`replacement by every attribute that needs a new object, ${shipped ? "shipped" : "reattached"}`, function () {
    this.timeout(120_000);
    let real: RealServer;
    let cases: readonly ReplacementCase[];
    suiteSetup(async () => {
      real = await openRealServer(undefined, { shipped });
      cases = replacementCases(await makeReplacementWorld(real));
      await real.workspace.apply(configuration(() => undefined));
      await real.workspace.assertEmptyPlan();
    });
    suiteTeardown(() => real.close());

    /** Everything as at first, or as in a replacement. */
    function configuration(chosen: (one: ReplacementCase) => Replacement | undefined, more = ""): string {
      return cases.map((one) => block(one, { ...one.written, ...chosen(one)?.written }, more)).join("\n");
    }

    for (let index = 0; index < rounds; index += 1)
      test(`round ${index + 1} plans a new object, because of that attribute alone`, async () => {
        const changing = cases.filter((one) => one.replacements[index] !== undefined);
        real.workspace.configure(configuration((one) => one.replacements[index]));
        const planned = await plannedChanges(real.workspace);
        assert.deepEqual(
          Object.fromEntries(
            planned.map(({ address, actions, replacePaths }) => [address, { actions, replacePaths }]),
          ),
          Object.fromEntries(
            changing.map((one) => {
              const { by, forcedBy = [by] } = one.replacements[index]!;
              return [addressOf(one), { actions: ["delete", "create"], replacePaths: forcedBy }];
            }),
          ),
        );
      });

    for (const [how, more, chosen] of [
      ["the old object goes first", "", (one: ReplacementCase) => one.replacements[0]],
      [
        "with create_before_destroy the new one comes first",
        "lifecycle {\n create_before_destroy = true\n}",
        () => undefined,
      ],
    ] as const)
      test(`applied: ${how}`, async () => {
        const before = await real.workspace.states();
        real.workspace.configure(configuration(chosen, more));
        const order = more === "" ? ["delete", "create"] : ["create", "delete"];
        for (const { address, actions } of await plannedChanges(real.workspace))
          assert.deepEqual(actions, order, address);
        await real.workspace.apply();
        await real.workspace.assertEmptyPlan();
        const after = await real.workspace.states();
        for (const one of cases) {
          const [old, now] = [before.get(addressOf(one))!, after.get(addressOf(one))!];
          assert.notEqual(now.id, old.id, addressOf(one));
          assert.ok(await exists(one, now), `${addressOf(one)} is not there`);
          assert.equal(await exists(one, old), one.stays ?? false, `${addressOf(one)}, the old one`);
        }
      });

    async function exists(one: ReplacementCase, state: Json): Promise<boolean> {
      const { body, status, text } = await real.rest.call<Json[] | null>("GET", one.collection(state));
      assert.equal(status, 200, text);
      return (body ?? []).some(({ id, revoked }) => id === state.id && revoked !== true);
    }

    test("a setup key that somebody revoked is replaced, because it cannot be taken back", async () => {
      await real.workspace.apply(configuration(() => undefined));
      const { id } = (await real.workspace.state("netbird_setup_key.this"))!;
      const { status, text } = await real.rest.call("PATCH", `/setup-keys/${id}`, { revoked: true });
      assert.equal(status, 200, text);
      const [change, ...others] = await plannedChanges(real.workspace);
      assert.deepEqual(others, []);
      assert.deepEqual(change!.actions, ["delete", "create"]);
      assert.deepEqual(change!.replacePaths, ["revoked"]);
      await real.workspace.apply();
      await real.workspace.assertEmptyPlan();
    });
  });

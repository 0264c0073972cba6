import assert from "node:assert/strict";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import type { Json } from "../support/management-server.ts";
import { changedPaths, plannedChanges } from "../support/planned-changes.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import { addressOf, type DriftCase, type DriftScene, drifted } from "./drift-case.ts";
import { makeDriftWorld, NOWHERE } from "./drift-world.ts";
import { scenes } from "./scenes.ts";

const resources = netbirdProvider(readEnvironment({})).resources;
const attributesOf = (typeName: string) =>
  resources.find((resource) => resource.typeName === typeName)!.schema.attributes;

/** `every-attribute.test.ts` holds the cases against the schema, so that no attribute is left out. */
for (const shipped of [false, true])
  suite(`drift of every attribute, ${shipped ? "shipped, from a filesystem mirror" : "reattached"}`, function () {
    this.timeout(120_000);
    for (const scene of scenes) driftSuite(scene, { shipped });
  });

function driftSuite(scene: DriftScene, options: { shipped: boolean }): void {
  const rounds = Math.max(...scene.cases(NOWHERE).map((one) => one.rounds.length));

  suite(scene.name, () => {
    let real: RealServer;
    let cases: readonly DriftCase[];
    let states: ReadonlyMap<string, Json>;
    suiteSetup(async () => {
      real = await openRealServer(undefined, options);
      cases = scene.cases(await makeDriftWorld(real));
      await real.workspace.apply(configuration(cases));
      await real.workspace.assertEmptyPlan();
      states = await real.workspace.states();
    });
    suiteTeardown(() => real.close());

    const stateOf = (one: DriftCase) => states.get(addressOf(one))!;
    const read = (one: DriftCase) => readObject(real, one.path(stateOf(one)));

    /** Changes everything that has a change in this round, and says how it was before. */
    async function disturb(index: number): Promise<Map<DriftCase, Json>> {
      const before = new Map<DriftCase, Json>();
      for (const one of cases) if (one.rounds[index] !== undefined) before.set(one, await read(one));
      for (const [one, object] of before) {
        const { change, at = one.path } = one.rounds[index]!;
        const patch = typeof change === "function" ? change(structuredClone(object)) : change;
        const { status, text } = await real.rest.call("PATCH", at(stateOf(one)), patch);
        assert.equal(status, 200, `${addressOf(one)}: ${text}`);
      }
      return before;
    }

    for (let index = 0; index < rounds; index += 1)
      test(`round ${index + 1} is planned as it is, in place, and repaired`, async () => {
        const { workspace } = real;
        let before = new Map<DriftCase, Json>();
        try {
          before = await disturb(index);
          const planned = await plannedChanges(workspace);
          assert.deepEqual(
            Object.fromEntries(
              planned.map((change) => [change.address, changedPaths(attributesOf(change.type), change)]),
            ),
            Object.fromEntries(
              [...before.keys()].map((one) => [addressOf(one), drifted(one.rounds[index]!)]),
            ),
          );
          for (const { address, actions } of planned) assert.deepEqual(actions, ["update"], address);
        } finally {
          // The next round begins with what is configured, whatever came of this one.
          await workspace.apply();
        }
        for (const [one, object] of before)
          assert.deepEqual(lasting(await read(one)), lasting(object), addressOf(one));
        await workspace.assertEmptyPlan();
      });

    test("what is told to be ignored is left as it is found", async () => {
      const { workspace } = real;
      await disturb(0);
      const found = new Map<DriftCase, Json>();
      for (const one of cases) found.set(one, await read(one));
      await workspace.apply(configuration(cases, "lifecycle {\n ignore_changes = all\n}"));
      await workspace.assertEmptyPlan();
      for (const [one, object] of found) assert.deepEqual(await read(one), object, addressOf(one));
    });
  });
}

function configuration(cases: readonly DriftCase[], more = ""): string {
  return cases
    .map(({ type, label = "this", hcl }) => `resource "${type}" "${label}" {\n${hcl}\n${more}\n}`)
    .join("\n");
}

/** Some objects are only in the list of their kind. */
async function readObject({ rest }: RealServer, path: string): Promise<Json> {
  const one = await rest.call("GET", path);
  if (one.status === 200) return one.body;
  const slash = path.lastIndexOf("/");
  const all = await rest.call<Json[]>("GET", path.slice(0, slash));
  const found = all.status === 200 ? all.body.find(({ id }) => id === path.slice(slash + 1)) : undefined;
  assert.ok(found, `${path}: ${one.text}`);
  return found;
}

const MOVING = new Set(["updated_at", "meta", "revision"]);

/** Without what every write moves, and the id of a part that went and came back. */
function lasting(value: unknown, isPart = false): unknown {
  if (Array.isArray(value)) return value.map((element) => lasting(element, isPart));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !MOVING.has(name) && !(isPart && name === "id"))
      .map(([name, inner]) => [name, lasting(inner, name === "rules" || name === "targets")]),
  );
}

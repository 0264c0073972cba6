import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isUnknown, type ObjectValue, unknown, type Value } from "../../src/convert/value.ts";
import type { Attribute, Attributes } from "../../src/framework/schema.ts";
import { completeState } from "../../src/framework/settle-state.ts";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import { PluginClient } from "../support/plugin-client.ts";

/** A block in which nothing is known. */
const blockOf = (attribute: Attribute): ObjectValue =>
  Object.fromEntries(
    Object.entries(attribute.nested!.attributes).map(([name, { required, optional }]) => [
      name,
      required || optional ? unknown : null,
    ]),
  );

const nothing = Buffer.alloc(0);

suite("planning while every input is unknown", () => {
  const provider = netbirdProvider(readEnvironment({}));
  let folder: string;
  let plugin: PluginClient;
  suiteSetup(async () => {
    folder = mkdtempSync(join(tmpdir(), "nbp-"));
    plugin = await PluginClient.of(provider, folder);
  });
  suiteTeardown(() => {
    plugin.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { typeName, schema } of provider.resources) {
    const attributes = Object.entries(schema.attributes as Attributes);
    /** What configurations may set; a list of blocks cannot be unknown as a whole. */
    const inputs = attributes.filter(([, { required, optional }]) => required || optional);
    const config: Record<string, Value> = { ...completeState(schema.attributes, {}) };
    for (const [name, attribute] of inputs) config[name] = attribute.block ? [blockOf(attribute)] : unknown;

    const plan = (prior: ObjectValue | null, proposed: ObjectValue) =>
      plugin.call("planResourceChange", {
        typeName,
        priorState: plugin.state(typeName, prior),
        proposedNewState: plugin.state(typeName, proposed),
        config: plugin.state(typeName, config),
        priorPrivate: nothing,
        providerMeta: undefined,
        clientCapabilities: undefined,
        priorIdentity: undefined,
        plannedPrivate: nothing,
      });

    /** Terraform refuses a known value where an input is not known, and any value of a write-only one. */
    const assertPlanned = (planned: ObjectValue | null) => {
      for (const [name, { block, writeOnly }] of inputs) {
        if (writeOnly) assert.equal(planned![name], null, name);
        else if (!block) assert.ok(isUnknown(planned![name]), `${name} is planned as ${planned![name]}`);
      }
    };

    test(`${typeName} validates, and plans what is not known as not known`, async () => {
      const validated = await plugin.call("validateResourceConfig", {
        typeName,
        config: plugin.state(typeName, config),
        clientCapabilities: {
          deferralAllowed: false,
          writeOnlyAttributesAllowed: true,
          storePlannedPrivate: false,
          computedBlocksAllowed: false,
        },
      });
      assert.deepEqual(validated.diagnostics, []);
      const created = await plan(null, config);
      assert.deepEqual(
        created.diagnostics.filter(({ severity }) => severity === 1),
        [],
      );
      assertPlanned(plugin.readState(typeName, created.plannedState));

      // The same over an object that exists: what only the provider sets is proposed as it was.
      const prior = completeState(schema.attributes, { id: "d2k0example0000000ab" });
      const changed = await plan(prior, {
        ...prior,
        ...Object.fromEntries(inputs.map(([n]) => [n, config[n]!])),
      });
      assert.deepEqual(
        changed.diagnostics.filter(({ severity }) => severity === 1),
        [],
      );
      assertPlanned(plugin.readState(typeName, changed.plannedState));
    });
  }
});

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Diagnostic } from "@netbird-proxy/proto/tfplugin6";
import fc from "fast-check";
import { encodeMsgpack } from "../../src/convert/encode-msgpack.ts";
import { typeOf } from "../../src/framework/schema.ts";
import { completeState } from "../../src/framework/settle-state.ts";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import { PluginClient } from "../support/plugin-client.ts";

const nothing = Buffer.alloc(0);

/** A call that fails, instead of answering with diagnostics, reads as a crash of the provider. */
suite("bytes that no Terraform sends", function () {
  this.timeout(60_000);
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

  const typeName = fc.constantFrom(...provider.resources.map((resource) => resource.typeName));
  const noise = fc.uint8Array({ maxLength: 96 }).map((bytes) => Buffer.from(bytes));
  /** A real value of the type with one byte changed, which gets further than noise does. */
  const damaged = (name: string) =>
    fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(([at, byte]) => {
      const { attributes } = provider.resources.find((one) => one.typeName === name)!.schema;
      const state = completeState(attributes, { id: "d2k0example0000000ab", name: "x" });
      const bytes = Buffer.from(encodeMsgpack(typeOf(attributes), state));
      bytes[at % bytes.length] = byte;
      return bytes;
    });
  const input = typeName.chain((name) =>
    fc.tuple(fc.constant(name), fc.oneof(noise, damaged(name)), fc.oneof(noise, damaged(name))),
  );
  const value = (msgpack: Buffer) => ({ msgpack, json: nothing });

  const calls: Record<
    string,
    (name: string, one: Buffer, other: Buffer) => Promise<{ diagnostics: Diagnostic[] }>
  > = {
    validateResourceConfig: (name, one) =>
      plugin.call("validateResourceConfig", {
        typeName: name,
        config: value(one),
        clientCapabilities: undefined,
      }),
    upgradeResourceState: (name, one) =>
      plugin.call("upgradeResourceState", {
        typeName: name,
        version: 0n,
        rawState: { json: one, flatmap: {} },
      }),
    readResource: (name, one, other) =>
      plugin.call("readResource", {
        typeName: name,
        currentState: value(one),
        private: other,
        providerMeta: undefined,
        clientCapabilities: undefined,
        currentIdentity: undefined,
      }),
    planResourceChange: (name, one, other) =>
      plugin.call("planResourceChange", {
        typeName: name,
        priorState: value(one),
        proposedNewState: value(other),
        config: value(other),
        priorPrivate: one,
        providerMeta: undefined,
        clientCapabilities: undefined,
        priorIdentity: undefined,
        plannedPrivate: nothing,
      }),
    applyResourceChange: (name, one, other) =>
      plugin.call("applyResourceChange", {
        typeName: name,
        priorState: value(one),
        plannedState: value(other),
        config: value(other),
        plannedPrivate: one,
        providerMeta: undefined,
        plannedIdentity: undefined,
      }),
    configureProvider: (_name, one) =>
      plugin.call("configureProvider", {
        terraformVersion: "1.11.4",
        config: value(one),
        clientCapabilities: undefined,
      }),
  };

  for (const [rpc, call] of Object.entries(calls))
    test(`${rpc} answers with diagnostics`, async () => {
      let refused = 0;
      await fc.assert(
        fc.asyncProperty(input, async ([name, one, other]) => {
          const { diagnostics } = await call(name, one, other);
          for (const { summary, detail } of diagnostics)
            assert.notEqual(summary, "Unexpected failure inside the provider", detail);
          if (diagnostics.length > 0) refused += 1;
        }),
        { numRuns: 300 },
      );
      assert.ok(refused > 0, "everything was taken");
      const { resourceSchemas } = await plugin.call("getProviderSchema", {});
      assert.equal(Object.keys(resourceSchemas).length, provider.resources.length);
    });
});

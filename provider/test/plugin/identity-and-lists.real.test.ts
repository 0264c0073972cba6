import assert from "node:assert/strict";
import { ProviderService } from "@netbird-proxy/proto/tfplugin6";
import type { ObjectValue } from "../../src/convert/value.ts";
import { isUnknown, unknown } from "../../src/convert/value.ts";
import { typeOf } from "../../src/framework/schema.ts";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import { oneOfEach, writePair } from "../support/one-of-each.ts";
import { PluginClient } from "../support/plugin-client.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";

const nothing = Buffer.alloc(0);

// The terraform we test with (1.11) knows neither identities nor lists, so these tests speak the protocol themselves.
suite("identities and lists, spoken to as by terraform 1.14", function () {
  this.timeout(60_000);
  let real: RealServer;
  let plugin: PluginClient;
  const provider = netbirdProvider(readEnvironment({}));

  suiteSetup(async () => {
    real = await openRealServer();
    const peer = await real.make("/peers", { name: "web" });
    for (const name of ["a1", "a2", "a3"]) await real.make("/groups", { name });
    await writePair(real.workspace.folder);
    await real.workspace.apply(oneOfEach(peer));
    // Groups, routes and counts have changed since some of them were made.
    await real.workspace.apply();
    plugin = await PluginClient.of(netbirdProvider(readEnvironment({})), real.workspace.folder);
    const config: Record<string, string | null> = { management_url: real.url, token: real.rest.token };
    const { diagnostics } = await plugin.call("configureProvider", {
      terraformVersion: "1.14.0",
      config: plugin.encode(
        typeOf(provider.schema.attributes),
        Object.fromEntries(
          Object.keys(provider.schema.attributes).map((name) => [name, config[name] ?? null]),
        ),
      ),
      clientCapabilities: undefined,
    });
    assert.deepEqual(diagnostics, []);
  });
  suiteTeardown(async () => {
    plugin?.close();
    await real?.close();
  });

  const stored = async (typeName: string) => (await real.workspace.state(`${typeName}.this`))!;
  const identityOf = (typeName: string, state: Record<string, unknown>) =>
    Object.fromEntries(
      provider.resources
        .find((one) => one.typeName === typeName)!
        .identity!.attributes.map((name) => [name, state[name]]),
    ) as ObjectValue;

  /** The configuration of a list: where to look. */
  const listConfig = (typeName: string, state: Record<string, unknown>) => {
    const { attributes } = provider.listResources!.find((one) => one.typeName === typeName)!.schema;
    return plugin.encode(
      typeOf(attributes),
      Object.fromEntries(
        Object.keys(attributes).map((name) => [name, (state[name] as string | undefined) ?? null]),
      ),
    );
  };

  test("every resource has an identity of attributes that name it, and a list", async () => {
    const { identitySchemas } = await plugin.call("getResourceIdentitySchemas", {});
    const schema = await plugin.call("getProviderSchema", {});
    const names = provider.resources.map(({ typeName }) => typeName).sort();
    assert.deepEqual(Object.keys(identitySchemas).sort(), names);
    assert.deepEqual(Object.keys(schema.listResourceSchemas).sort(), names);
    assert.deepEqual(
      (await plugin.call("getMetadata", {})).listResources.map(({ typeName }) => typeName).sort(),
      names,
    );
    assert.deepEqual(
      identitySchemas.netbird_network_router!.identityAttributes.map((one) => [
        one.name,
        one.type.toString(),
        one.requiredForImport,
        one.optionalForImport,
      ]),
      [
        ["network_id", `"string"`, true, false],
        ["id", `"string"`, true, false],
      ],
    );
  });

  for (const { typeName } of provider.resources) {
    test(`${typeName}: listed, imported by its identity and read as it is listed`, async () => {
      const state = await stored(typeName);
      const identity = identityOf(typeName, state);
      const events = await plugin.list({
        typeName,
        config: listConfig(typeName, state),
        includeResourceObject: true,
      });
      for (const event of events) assert.deepEqual(event.diagnostic, [], typeName);
      const found = events.find((event) => plugin.readIdentity(typeName, event.identity)!.id === identity.id);
      assert.ok(found, `${events.length} listed`);
      assert.deepEqual({ ...plugin.readIdentity(typeName, found.identity) }, identity);
      assert.notEqual(found.displayName, "");

      const imported = await plugin.call("importResourceState", {
        typeName,
        id: "",
        clientCapabilities: undefined,
        identity: plugin.identity(typeName, identity),
      });
      assert.deepEqual(imported.diagnostics, []);
      const [one] = imported.importedResources;
      assert.deepEqual({ ...plugin.readIdentity(typeName, one!.identity) }, identity);

      const read = await plugin.call("readResource", {
        typeName,
        currentState: one!.state,
        private: one!.private,
        providerMeta: undefined,
        clientCapabilities: undefined,
        currentIdentity: one!.identity,
      });
      assert.deepEqual(read.diagnostics, []);
      assert.deepEqual({ ...plugin.readIdentity(typeName, read.newIdentity) }, identity);
      const now = plugin.readState(typeName, read.newState)!;
      assert.deepEqual(plugin.readState(typeName, found.resourceObject), now);
      for (const [name, value] of Object.entries(identity)) assert.equal(now[name], value);
    });
  }

  test("a list stops at its limit, filters by name, and leaves the objects out when they are not wanted", async () => {
    const { attributes } = provider.listResources!.find((one) => one.typeName === "netbird_group")!.schema;
    const config = plugin.encode(typeOf(attributes), { name_contains: "A" });
    const named = await plugin.list({ typeName: "netbird_group", config });
    assert.deepEqual(
      named.filter(({ displayName }) => /^a\d/.test(displayName)).map(({ displayName }) => displayName),
      ["a1", "a2", "a3"],
    );
    assert.ok(named.every(({ displayName, resourceObject }) => /a/i.test(displayName) && !resourceObject));
    const two = await plugin.list({ typeName: "netbird_group", limit: 2n });
    assert.equal(two.length, 2);
    const one = await plugin.list({ typeName: "netbird_group" }, 1);
    assert.equal(one.length, 1);
    // The provider goes on serving after somebody left a stream.
    assert.equal((await plugin.list({ typeName: "netbird_group", limit: 3n })).length, 3);
  });

  test("a list that fails ends with one error, at the attribute where one is to blame", async () => {
    const config = listConfig("netbird_network_router", { network_id: "nothing" });
    const events = await plugin.list({ typeName: "netbird_network_router", config });
    assert.equal(events.length, 1);
    assert.equal(events[0]!.identity, undefined);
    assert.equal(events[0]!.diagnostic[0]!.severity, 1);
    assert.match(events[0]!.diagnostic[0]!.summary, /netbird_network_router/);
    const [unknownType] = await plugin.list({ typeName: "netbird_nothing" });
    assert.match(unknownType!.diagnostic[0]!.summary, /There is no list resource "netbird_nothing"/);
  });

  test("the configuration of a list is validated", async () => {
    const { diagnostics } = await plugin.call("validateListResourceConfig", {
      typeName: "netbird_network_router",
      config: listConfig("netbird_network_router", { network_id: "n" }),
      includeResourceObject: undefined,
      limit: undefined,
    });
    assert.deepEqual(diagnostics, []);
  });

  test("an event is on the wire as the protocol has it", () => {
    const event = {
      identity: { identityData: { msgpack: Buffer.from([0x80]), json: nothing } },
      displayName: "a",
      resourceObject: { msgpack: Buffer.from([0xc0]), json: nothing },
      diagnostic: [{ severity: 2 as const, summary: "s", detail: "", attribute: undefined }],
    };
    const sent = ProviderService.listResource.responseSerialize(event).toString("hex");
    // 1 { 1 { 1: 80 } }, 2: "a", 3 { 1: c0 }, 4 { 1: WARNING, 2: "s" }
    assert.equal(sent, "0a050a030a0180" + "120161" + "1a030a01c0" + "220508021201" + "73");
    const request = { typeName: "t", config: undefined, includeResourceObject: true, limit: 3n };
    assert.equal(
      ProviderService.listResource.requestSerialize(request).toString("hex"),
      "0a0174" + "1801" + "2003",
    );
    assert.equal(ProviderService.listResource.path, "/tfplugin6.Provider/ListResource");
  });

  test("half an identity is refused, naming what is missing", async () => {
    const { diagnostics, importedResources } = await plugin.call("importResourceState", {
      typeName: "netbird_network_router",
      id: "",
      clientCapabilities: undefined,
      identity: plugin.identity("netbird_network_router", { network_id: null, id: "r" }),
    });
    assert.deepEqual(importedResources, []);
    assert.match(diagnostics[0]!.detail, /`network_id` is missing/);
  });

  test("a stored identity is taken over, and an incomplete one is refused", async () => {
    const upgrade = (json: string) =>
      plugin.call("upgradeResourceIdentity", {
        typeName: "netbird_network_router",
        version: 0n,
        rawIdentity: { json: Buffer.from(json), flatmap: {} },
      });
    const { upgradedIdentity, diagnostics } = await upgrade(`{"network_id":"n","id":"r","gone":true}`);
    assert.deepEqual(diagnostics, []);
    assert.deepEqual(
      { ...plugin.readIdentity("netbird_network_router", upgradedIdentity) },
      { network_id: "n", id: "r" },
    );
    assert.match(
      (await upgrade(`{"id":"r"}`)).diagnostics[0]!.detail,
      /`network_id` of netbird_network_router/,
    );
  });

  test("an identity becomes known when the object is made, and stays until it is gone", async () => {
    const typeName = "netbird_group";
    const config = { id: null, name: "identified", peers: null, resources: null };
    const { attributes } = provider.resources.find((one) => one.typeName === typeName)!.schema;
    const full = Object.fromEntries(
      Object.keys(attributes).map((name) => [name, (config as ObjectValue)[name] ?? null]),
    );
    const planned = await plugin.call("planResourceChange", {
      typeName,
      priorState: plugin.state(typeName, null),
      proposedNewState: plugin.state(typeName, full),
      config: plugin.state(typeName, full),
      priorPrivate: nothing,
      providerMeta: undefined,
      clientCapabilities: undefined,
      priorIdentity: undefined,
      plannedPrivate: nothing,
    });
    assert.deepEqual(planned.diagnostics, []);
    assert.ok(isUnknown(plugin.readIdentity(typeName, planned.plannedIdentity)!.id));
    const apply = {
      typeName,
      plannedPrivate: nothing,
      providerMeta: undefined,
      config: plugin.state(typeName, full),
    };
    const created = await plugin.call("applyResourceChange", {
      ...apply,
      priorState: plugin.state(typeName, null),
      plannedState: planned.plannedState,
      plannedIdentity: planned.plannedIdentity,
    });
    assert.deepEqual(created.diagnostics, []);
    const { id } = plugin.readState(typeName, created.newState)!;
    assert.deepEqual({ ...plugin.readIdentity(typeName, created.newIdentity) }, { id });

    // A name that is taken: nothing came of it, and nothing has no identity.
    const failed = await plugin.call("applyResourceChange", {
      ...apply,
      priorState: plugin.state(typeName, null),
      plannedState: plugin.state(typeName, { ...full, id: unknown }),
      plannedIdentity: plugin.identity(typeName, { id: unknown }),
    });
    assert.equal(failed.diagnostics[0]!.severity, 1);
    assert.equal(failed.newIdentity, undefined);

    const destroyed = await plugin.call("planResourceChange", {
      typeName,
      priorState: created.newState,
      proposedNewState: plugin.state(typeName, null),
      config: plugin.state(typeName, null),
      priorPrivate: nothing,
      providerMeta: undefined,
      clientCapabilities: undefined,
      priorIdentity: created.newIdentity,
      plannedPrivate: nothing,
    });
    assert.deepEqual({ ...plugin.readIdentity(typeName, destroyed.plannedIdentity) }, { id });
    const gone = await plugin.call("applyResourceChange", {
      ...apply,
      config: plugin.state(typeName, null),
      priorState: created.newState,
      plannedState: plugin.state(typeName, null),
      plannedIdentity: destroyed.plannedIdentity,
    });
    assert.deepEqual(gone.diagnostics, []);
    assert.equal(plugin.readState(typeName, gone.newState), null);
    assert.deepEqual({ ...plugin.readIdentity(typeName, gone.newIdentity) }, { id });
  });
});

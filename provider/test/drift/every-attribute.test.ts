import assert from "node:assert/strict";
import type { Attribute, Attributes } from "../../src/framework/schema.ts";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import { forcesReplacement } from "../support/attribute-paths.ts";
import { drifted } from "./drift-case.ts";
import { NOWHERE } from "./drift-world.ts";
import { scenes } from "./scenes.ts";

/** What cannot drift, or cannot be repaired in place, and why. */
const impossible: Record<string, string> = {
  "netbird_peer.approval_required changed": "our server approves every peer at once and always tells false",
  "netbird_policy.rule emptied": "a policy has a rule",
  "netbird_proxy_service.targets emptied": "a service has a target",
  "netbird_proxy_service.target emptied": "a service has a target",
  "netbird_proxy_service.targets.options.proxy_protocol changed": "mode http has no PROXY protocol",
  "netbird_proxy_service.targets.replicas.options.proxy_protocol changed": "mode http has no PROXY protocol",
  "netbird_proxy_service.target.enabled changed": "the only target of a layer 4 mode is always enabled",
  "netbird_proxy_service.target.options.skip_tls_verify changed": "layer 4 modes have no such option",
  "netbird_proxy_service.target.options.path_rewrite changed": "layer 4 modes have no such option",
  "netbird_proxy_service.target.options.custom_headers changed": "layer 4 modes have no such option",
  "netbird_proxy_service.target.options.custom_headers emptied": "layer 4 modes have no such option",
  "netbird_proxy_service.target.protocol changed": "follows from the mode, which cannot change",
  "netbird_proxy_service_target.options.proxy_protocol changed": "mode http has no PROXY protocol",
  "netbird_reverse_proxy_service.targets emptied": "a service has a target",
  "netbird_reverse_proxy_service.auth emptied": "every service tells one, if only an empty one",
  "netbird_setup_key.revoked changed": "a revoked key stays revoked: only a new key repairs it",
};

/** The drifts that an attribute can have: a collection becomes another one, or goes. */
function driftsOf(attributes: Attributes, under = ""): string[] {
  return Object.entries(attributes).flatMap(([name, attribute]) => {
    if (!(attribute.required || attribute.optional) || attribute.writeOnly || attribute.clientOnly) return [];
    if (forcesReplacement(attribute)) return [];
    const path = `${under}${name}`;
    const inner = attribute.nested ? driftsOf(attribute.nested.attributes, `${path}.`) : [];
    return [...ways(attribute).map((way) => `${path} ${way}`), ...inner];
  });
}

function ways({ type, nested }: Attribute): string[] {
  if (!Array.isArray(type)) return ["changed"];
  return nested?.nesting === "single" ? ["emptied"] : ["changed", "emptied"];
}

suite("drift of every attribute", () => {
  const covered = new Set(
    scenes.flatMap((scene) =>
      scene
        .cases(NOWHERE)
        .flatMap(({ type, rounds }) =>
          rounds.flatMap((round) => drifted(round).map((way) => `${type}.${way}`)),
        ),
    ),
  );
  const all = netbirdProvider(readEnvironment({})).resources.flatMap(({ typeName, schema }) =>
    driftsOf(schema.attributes).map((way) => `${typeName}.${way}`),
  );

  test("has a case with the real terraform, or a reason why there is none", () => {
    assert.deepEqual(
      all.filter((way) => !covered.has(way) && impossible[way] === undefined),
      [],
    );
  });

  test("what is impossible exists, and has no case", () => {
    const known = new Set(all);
    for (const way of Object.keys(impossible)) {
      assert.ok(known.has(way), `there is no ${way}`);
      assert.ok(!covered.has(way), `${way} has a case`);
    }
  });
});

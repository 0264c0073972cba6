import assert from "node:assert/strict";
import { management } from "@netbird-proxy/proto/grpc";
import type { AddressChecks, Finding, ReputationDecision } from "../../src/access/address-checks.ts";
import { accessPolicy } from "../../src/access/policy.ts";
import { findingMetadata, restrictAddress } from "../../src/access/restrict-address.ts";
import { Suspects } from "../../src/access/suspects.ts";
import { httpService } from "../support/mappings.ts";

type Rules = Partial<management.AccessRestrictions>;

const countries: Record<string, string> = { "192.0.2.1": "DE", "192.0.2.2": "FR", "2001:db8::1": "DE" };

/** What the rules say, and everything that was told on the way. */
function ask(
  rules: Rules,
  address: string,
  more: Partial<AddressChecks> & { decision?: ReputationDecision } = {},
) {
  const policy = accessPolicy(
    httpService("s", "s.example.test", "http://127.0.0.1/", {
      accessRestrictions: management.AccessRestrictions.fromPartial(rules as never),
    }),
  );
  assert.ok(policy.ok);
  const told: Finding[] = [];
  const asked: string[] = [];
  const outcome = restrictAddress(policy.value.addresses!, address, {
    countryOf: (of) => {
      asked.push("country");
      return countries[of] ?? "";
    },
    reputation: {
      ready: true,
      decisionOn: () => {
        asked.push("crowdsec");
        return more.decision;
      },
    },
    suspects: new Suspects(),
    onFinding: (finding) => told.push(finding),
    ...more,
  });
  assert.deepEqual(told, outcome.findings);
  return {
    refusal: outcome.refusal,
    suspicion: outcome.suspicion,
    asked,
    metadata: findingMetadata(outcome.findings),
  };
}

suite("restrictions by address", () => {
  test("an allowlist of countries refuses the unknown, a blocklist alone lets it pass", () => {
    for (const [rules, address, refusal] of [
      [{ allowedCountries: ["DE"] }, "192.0.2.1", undefined],
      [{ allowedCountries: ["de"] }, "2001:db8::1", undefined],
      [{ allowedCountries: ["DE"] }, "192.0.2.2", "access.country_restricted"],
      [{ allowedCountries: ["DE"] }, "10.0.0.1", "access.country_restricted"],
      [{ blockedCountries: ["FR"] }, "192.0.2.1", undefined],
      [{ blockedCountries: ["FR"] }, "192.0.2.2", "access.country_restricted"],
      [{ blockedCountries: ["FR"] }, "10.0.0.1", undefined],
      [
        { allowedCountries: ["DE", "FR"], blockedCountries: ["FR"] },
        "192.0.2.2",
        "access.country_restricted",
      ],
    ] as [Rules, string, string | undefined][]) {
      assert.equal(ask(rules, address).refusal, refusal, `${JSON.stringify(rules)} ${address}`);
    }
  });

  test("without geolocation a country rule refuses everybody", () => {
    assert.equal(
      ask({ blockedCountries: ["FR"] }, "192.0.2.1", { countryOf: undefined }).refusal,
      "access.geo_unavailable",
    );
  });

  test("the order is ranges, countries, CrowdSec, and the first refusal ends it", () => {
    const all: Rules = {
      allowedCidrs: ["192.0.2.0/24"],
      blockedCidrs: ["192.0.2.9/32"],
      allowedCountries: ["DE"],
      crowdsecMode: "enforce",
    };
    const steps: [string, string | undefined, string[]][] = [
      ["198.51.100.1", "access.ip_restricted", []],
      ["192.0.2.9", "access.ip_restricted", []],
      ["192.0.2.2", "access.country_restricted", ["country"]],
      ["192.0.2.1", "access.crowdsec_ban", ["country", "crowdsec"]],
    ];
    for (const [address, refusal, asked] of steps) {
      const outcome = ask(all, address, { decision: "ban" });
      assert.equal(outcome.refusal, refusal, address);
      assert.deepEqual(outcome.asked, asked, address);
    }
    assert.equal(ask(all, "192.0.2.1").refusal, undefined);
  });

  test("CrowdSec's decisions are named; without any knowledge enforcing refuses and observing does not", () => {
    for (const decision of ["ban", "captcha", "throttle"] as const) {
      const { refusal, suspicion, metadata } = ask({ crowdsecMode: "enforce" }, "192.0.2.1", { decision });
      if (decision === "ban") {
        assert.equal(refusal, "access.crowdsec_ban");
        assert.deepEqual(metadata, { crowdsec_verdict: "crowdsec_ban" });
      } else {
        // Milder ones are a matter of how often.
        assert.deepEqual([refusal, suspicion, metadata], [undefined, decision, {}]);
      }
      const observed = ask({ crowdsecMode: "observe" }, "192.0.2.1", { decision });
      assert.equal(observed.refusal, undefined);
      assert.deepEqual(observed.metadata, {
        crowdsec_verdict: `crowdsec_${decision}`,
        crowdsec_mode: "observe",
      });
    }
    for (const reputation of [undefined, { ready: false, decisionOn: () => undefined }]) {
      const unknown = { reputation };
      assert.equal(
        ask({ crowdsecMode: "enforce" }, "192.0.2.1", unknown).refusal,
        "access.crowdsec_unavailable",
      );
      const observed = ask({ crowdsecMode: "observe" }, "192.0.2.1", unknown);
      assert.equal(observed.refusal, undefined);
      assert.equal(observed.metadata.crowdsec_verdict, "crowdsec_unavailable");
    }
    assert.equal(ask({ crowdsecMode: "off", allowedCountries: ["DE"] }, "192.0.2.1").refusal, undefined);
  });

  test("what is only observed is noted and passes, each restriction for itself", () => {
    const lists = { blockedCidrs: ["192.0.2.0/24"], allowedCountries: ["FR"] };
    const observed = management.AccessRestrictions.fromPartial(lists as never);
    const all = ask({ observed, crowdsecMode: "observe" }, "192.0.2.1", { decision: "ban" });
    assert.equal(all.refusal, undefined);
    assert.deepEqual(all.metadata, {
      cidr_verdict: "ip_restricted",
      cidr_mode: "observe",
      country_verdict: "country_restricted",
      country_mode: "observe",
      crowdsec_verdict: "crowdsec_ban",
      crowdsec_mode: "observe",
    });
    assert.deepEqual(ask({ observed }, "198.51.100.1", { countryOf: () => "FR" }).metadata, {});
    assert.equal(
      ask({ observed }, "192.0.2.1", { countryOf: undefined }).metadata.country_verdict,
      "geo_unavailable",
    );
    // One observed and one enforced: the enforced one refuses, and the observed one is noted all the same.
    const mixed = ask(
      { blockedCidrs: ["192.0.2.0/24"], observed: { ...observed, blockedCidrs: [] } },
      "192.0.2.1",
    );
    assert.equal(mixed.refusal, "access.ip_restricted");
    const other = ask(
      { allowedCountries: ["FR"], observed: { ...observed, allowedCountries: [] } },
      "192.0.2.1",
    );
    assert.equal(other.refusal, "access.country_restricted");
    assert.deepEqual(other.metadata, { cidr_verdict: "ip_restricted", cidr_mode: "observe" });
  });

  test("an address that cannot be read is refused even where ranges are only observed", () => {
    const observed = management.AccessRestrictions.fromPartial({ blockedCidrs: ["192.0.2.0/24"] } as never);
    assert.equal(ask({ observed }, "unix").refusal, "access.ip_restricted");
  });

  test("a mapping that enforces and observes the same kind of list is refused", () => {
    for (const lists of [{ blockedCidrs: ["192.0.2.0/24"] }, { blockedCountries: ["FR"] }]) {
      const policy = accessPolicy(
        httpService("s", "s.example.test", "http://127.0.0.1/", {
          accessRestrictions: management.AccessRestrictions.fromPartial({
            ...lists,
            observed: lists,
          } as never),
        }),
      );
      assert.ok(!policy.ok);
      assert.match(policy.message, /both enforced and observed/);
    }
  });

  test("an address in another spelling is the same address, and one that is none is refused", () => {
    assert.equal(ask({ blockedCidrs: ["192.0.2.0/24"] }, "::ffff:192.0.2.7").refusal, "access.ip_restricted");
    assert.equal(ask({ blockedCidrs: ["fe80::/10"] }, "fe80::1%eth0").refusal, "access.ip_restricted");
    assert.equal(ask({ allowedCidrs: ["fe80::/10"] }, "fe80::1%eth0").refusal, undefined);
    for (const none of ["", "unix", "999.1.1.1"]) {
      assert.equal(ask({ blockedCountries: ["FR"] }, none).refusal, "access.ip_restricted", none);
    }
  });
});

import assert from "node:assert/strict";
import { management } from "@netbird-proxy/proto/grpc";
import type { AddressChecks, ReputationDecision } from "../../src/access/address-checks.ts";
import { accessPolicy } from "../../src/access/policy.ts";
import { Suspects } from "../../src/access/suspects.ts";
import { mayBeRelayed, refuseRelay } from "../../src/relay/refuse-relay.ts";
import type { Service } from "../../src/route/service.ts";
import { httpService } from "../support/mappings.ts";
import { authentication } from "../support/sessions.ts";

function service(more: Partial<management.ProxyMapping> = {}): Service {
  const policy = accessPolicy(httpService("s", "s.example.test", "http://127.0.0.1/", more));
  assert.ok(policy.ok);
  return { mode: "tcp", listenPort: 5432, domain: "s.example.test", access: policy.value } as Service;
}

const crowdsec = {
  accessRestrictions: management.AccessRestrictions.fromPartial({ crowdsecMode: "enforce" }),
};

function checks(decision?: ReputationDecision) {
  const told: string[] = [];
  const all: AddressChecks = {
    countryOf: undefined,
    reputation: { ready: true, decisionOn: () => decision },
    suspects: new Suspects(),
    onFinding: ({ verdict }) => told.push(verdict),
  };
  return { all, told };
}

suite("a client of a service without HTTP", () => {
  test("whom CrowdSec throttles may open so many connections, then none for a while", () => {
    const { all, told } = checks("throttle");
    const verdicts = Array.from(
      { length: 65 },
      () => refuseRelay(service(crowdsec), "192.0.2.1", all).verdict,
    );
    assert.deepEqual(verdicts.slice(0, 60), Array(60).fill(""));
    assert.equal(verdicts.at(-1), "crowdsec_throttle");
    assert.equal(refuseRelay(service(crowdsec), "192.0.2.2", all).verdict, "");
    assert.ok(told.length >= 4 && told.every((verdict) => verdict === "crowdsec_throttle"));
  });

  test("whom CrowdSec asks for a captcha cannot answer it here", () => {
    assert.equal(
      refuseRelay(service(crowdsec), "192.0.2.1", checks("captcha").all).verdict,
      "crowdsec_captcha",
    );
  });

  test("who is connected stays after a change that would let them in again", () => {
    const before = service();
    const { all, told } = checks();
    assert.ok(mayBeRelayed(service(crowdsec), before, "192.0.2.1", all));
    assert.ok(!mayBeRelayed(service(crowdsec), before, "192.0.2.1", checks("ban").all));
    assert.ok(!mayBeRelayed(service(crowdsec), before, "192.0.2.1", checks("captcha").all));
    assert.ok(!mayBeRelayed({ ...service(), listenPort: 5433 }, before, "192.0.2.1", all));
    assert.ok(!mayBeRelayed({ ...service(), domain: "t.example.test" }, before, "192.0.2.1", all));
    assert.ok(!mayBeRelayed(service({ private: true }), before, "192.0.2.1", all));
    assert.ok(!mayBeRelayed(service({ auth: authentication({ pin: true }) }), before, "192.0.2.1", all));
    // Not another visit: it neither counts nor is told.
    const slowed = checks("throttle");
    for (let n = 0; n < 100; n += 1)
      assert.ok(mayBeRelayed(service(crowdsec), before, "192.0.2.1", slowed.all));
    assert.equal(refuseRelay(service(crowdsec), "192.0.2.1", slowed.all).verdict, "");
    assert.deepEqual([told, slowed.told], [[], []]);
  });
});

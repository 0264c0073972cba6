import assert from "node:assert/strict";
import type { AccountId } from "@netbird-proxy/proto";
import { checkCustomDomain } from "../../src/dns/check-custom-domain.ts";
import { createDnsLookup } from "../../src/dns/dns-lookup.ts";
import { textValue } from "../../src/domain/domain-proof.ts";
import { Bind9 } from "../support/bind9.ts";

const ACCOUNT = "acc1" as AccountId;
const CLUSTER = "eu.example.test";

suite("the check of a custom domain, asking bind9", function () {
  this.timeout(30_000);
  let bind: Bind9;
  suiteSetup(async () => {
    bind = await new Bind9().start([
      { name: "example.test", records: ["eu A 192.0.2.10", "eu AAAA 2001:db8::10", "us A 192.0.2.20"] },
      {
        name: "apps.test",
        records: ["validation CNAME alias.apps.test.", `alias CNAME EU.example.test.`],
      },
      { name: "own.test", records: [`shop CNAME ${CLUSTER}.`] },
      { name: "top.test", records: ["@ A 192.0.2.10", "@ AAAA 2001:db8::10"] },
      { name: "half.test", records: ["@ A 192.0.2.10", "@ A 198.51.100.1"] },
      {
        name: "text.test",
        records: [
          '_netbird-validation TXT "v=something"',
          // A record may be written in pieces.
          `_netbird-validation TXT "${textValue(ACCOUNT, "text.test").slice(0, 9)}" "${textValue(ACCOUNT, "text.test").slice(9)}"`,
        ],
      },
      {
        name: "stolen.test",
        records: [`_netbird-validation TXT "${textValue("acc2" as AccountId, "stolen.test")}"`],
      },
      { name: "wrong.test", records: ["validation CNAME us.example.test."] },
      { name: "broken.test", records: ["validation NS nowhere.broken.test.", "nowhere A 127.0.0.1"] },
    ]);
  });
  suiteTeardown(() => bind.close());

  const check = (domain: string) =>
    checkCustomDomain(createDnsLookup([bind.address]), {
      accountId: ACCOUNT,
      domain,
      targetCluster: CLUSTER,
    });
  const method = async (domain: string) => {
    const result = await check(domain);
    return result.ok ? result.method : result.message;
  };

  test("follows the CNAME chain of the validation name, or of the domain itself", async () => {
    assert.equal(await method("apps.test"), "cname");
    assert.equal(await method("shop.own.test"), "cname");
  });

  test("takes a name at the top of a zone by its addresses, when all of them are the cluster's", async () => {
    assert.equal(await method("top.test"), "address");
    assert.match(
      await method("half.test"),
      /half\.test leads to 198\.51\.100\.1, the cluster has 192\.0\.2\.10/,
    );
  });

  test("takes the TXT record of this account, and of no other", async () => {
    assert.equal(await method("text.test"), "txt");
    assert.match(await method("stolen.test"), /a TXT record with "netbird-domain-verification=/);
  });

  test("tells the cluster's addresses", async () => {
    assert.deepEqual((await check("apps.test")).clusterAddresses, ["192.0.2.10", "2001:db8::10"]);
  });

  test("says where the record leads instead, or that there is none", async () => {
    assert.match(await method("wrong.test"), /validation\.wrong\.test must be a CNAME to eu\.example\.test/);
    assert.match(
      await method("wrong.test"),
      /the CNAME leads to us\.example\.test; no TXT record; wrong\.test has no address/,
    );
    assert.match(await method("none.own.test"), /there is no CNAME record; no TXT record/);
  });

  test("tells a failing name server from a missing record", async () => {
    const failed = await check("broken.test");
    assert.ok(!failed.ok && failed.temporary, JSON.stringify(failed));
    assert.match(failed.message, /the lookup of validation\.broken\.test failed/);
  });
});

import assert from "node:assert/strict";
import { createDnsLookup } from "../../src/dns/dns-lookup.ts";
import { findCaa } from "../../src/dns/find-caa.ts";
import { Bind9 } from "../support/bind9.ts";

suite("CAA records, asking bind9", function () {
  this.timeout(30_000);
  let bind: Bind9;
  suiteSetup(async () => {
    bind = await new Bind9().start([
      {
        name: "strict.test",
        records: [
          '@ CAA 0 issue "ca.example"',
          '@ CAA 128 iodef "mailto:a@strict.test"',
          'own CAA 0 issue ";"',
          "alias CNAME own",
        ],
      },
      { name: "test" },
    ]);
  });
  suiteTeardown(() => bind.close());
  const find = (name: string) => findCaa(createDnsLookup([bind.address]), name);

  test("those of the name, or of the nearest name above", async () => {
    assert.deepEqual((await find("own.strict.test"))!.records, [{ critical: 0, issue: ";" }]);
    const above = await find("a.b.strict.test");
    assert.equal(above!.at, "strict.test");
    assert.deepEqual(above!.records.map((record) => Object.keys(record).sort().join()).sort(), [
      "critical,iodef",
      "critical,issue",
    ]);
    assert.equal((await find("*.strict.test"))!.at, "strict.test");
  });

  test("aliases are followed", async () => {
    assert.deepEqual((await find("alias.strict.test"))!.records, [{ critical: 0, issue: ";" }]);
  });

  test("none", async () => {
    assert.equal(await find("free.test"), undefined);
  });
});

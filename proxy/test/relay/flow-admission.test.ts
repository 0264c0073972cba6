import assert from "node:assert/strict";
import { FlowAdmission } from "../../src/relay/flow-admission.ts";

suite("weakness 14: who may open a UDP flow", () => {
  let admission: FlowAdmission;
  setup(() => {
    admission = new FlowAdmission();
  });
  const stranger = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
  const admitted = (addresses: string[], nowMs: number) =>
    addresses.filter((address) => admission.admit(address, nowMs)).length;
  const crowd = (count: number, from = 0) => Array.from({ length: count }, (_, n) => stranger(from + n));

  test("one address has its own limit, which is nobody else's", () => {
    assert.equal(admitted(Array<string>(500).fill("192.0.2.1"), 0), 100);
    assert.equal(admission.admit("192.0.2.2", 0), true);
    assert.equal(admitted(Array<string>(500).fill("192.0.2.1"), 1000), 50);
    assert.equal(admitted(["2001:db8::1", ...Array<string>(200).fill("2001:db8::2")], 1000), 100);
  });

  test("all strangers together have one too", () => {
    assert.equal(admitted(crowd(5000), 0), 1000);
    assert.equal(admitted(crowd(5000, 5000), 1000), 1000);
  });

  test("forged addresses take nothing from those that have proven to be real", () => {
    admission.proven("192.0.2.1");
    admission.proven("2001:db8::1");
    admitted(crowd(5000), 0);
    assert.deepEqual(
      [admission.admit("192.0.2.1", 0), admission.admit("2001:db8::9", 0), admission.admit("192.0.2.9", 0)],
      [true, true, false],
    );
  });

  test("the real ones are limited as well, and so is what is remembered of them", () => {
    for (const address of crowd(11_000)) admission.proven(address);
    assert.equal(admitted(crowd(1000), 0), 1000, "forgotten ones are strangers again");
    assert.equal(admitted(crowd(3000, 1000), 0), 1000);
  });
});

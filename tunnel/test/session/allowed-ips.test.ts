import assert from "node:assert/strict";
import fc from "fast-check";
import { AllowedIps } from "../../src/session/allowed-ips.ts";
import { type IpAddress, type IpPrefix, ipv4FromWord, ipv6FromWords } from "../../src/wire/ip-address.ts";
import { address, prefix } from "../support/simulation.ts";

const lookup = (table: AllowedIps<string>, { family, w0, w1, w2, w3 }: IpAddress) =>
  table.lookup(family, w0, w1, w2, w3);

/** Bit by bit: does `prefix` cover `target`? */
function covers({ address: base, length }: IpPrefix, target: IpAddress): boolean {
  if (base.family !== target.family) return false;
  const bits = ({ family, w0, w1, w2, w3 }: IpAddress) =>
    (family === 4 ? [w3] : [w0, w1, w2, w3])
      .map((word) => (word >>> 0).toString(2).padStart(32, "0"))
      .join("");
  return bits(base).slice(0, length) === bits(target).slice(0, length);
}

suite("session/allowed-ips", () => {
  test("the longest prefix wins and the families are apart", () => {
    const table = new AllowedIps<string>();
    table.insert(prefix("10.0.0.0/8"), "wide");
    table.insert(prefix("10.1.0.0/16"), "narrow");
    table.insert(prefix("::/0"), "v6");
    assert.equal(lookup(table, address("10.2.3.4")), "wide");
    assert.equal(lookup(table, address("10.1.3.4")), "narrow");
    assert.equal(lookup(table, address("11.0.0.1")), undefined);
    assert.equal(lookup(table, address("::ffff:10.1.3.4")), "v6");
    table.removeOwner("narrow");
    assert.equal(lookup(table, address("10.1.3.4")), "wide");
  });

  test("a prefix belongs to the last one that asked", () => {
    const table = new AllowedIps<string>();
    table.insert(prefix("10.0.0.0/24"), "first");
    table.insert(prefix("10.0.0.77/24"), "second");
    assert.equal(lookup(table, address("10.0.0.1")), "second");
  });

  test("agrees with a list of prefixes after any sequence of insertions and removals", () => {
    // Few distinct bits, so that prefixes nest and collide.
    const word = fc.constantFrom(0, 1, 2, 0x0a000000, 0x0a000001, 0x0a010000, -1, -0x80000000);
    const anyAddress = fc.oneof(
      word.map((w) => ipv4FromWord(w)),
      fc.tuple(word, word, word, word).map((words) => ipv6FromWords(...words)),
    );
    const anyPrefix = fc
      .tuple(anyAddress, fc.nat(128))
      .map(([base, length]) => ({ address: base, length: base.family === 4 ? length % 33 : length }));
    const owner = fc.constantFrom("a", "b", "c");
    const action = fc.oneof(
      { weight: 5, arbitrary: fc.record({ insert: anyPrefix, owner }) },
      { weight: 1, arbitrary: fc.record({ remove: owner }) },
    );
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 40 }),
        fc.array(anyAddress, { maxLength: 20 }),
        (actions, targets) => {
          const table = new AllowedIps<string>();
          let list: { prefix: IpPrefix; owner: string }[] = [];
          for (const step of actions) {
            if ("remove" in step) {
              table.removeOwner(step.remove);
              list = list.filter((entry) => entry.owner !== step.remove);
            } else {
              table.insert(step.insert, step.owner);
              list = list.filter(
                (entry) =>
                  entry.prefix.length !== step.insert.length || !covers(entry.prefix, step.insert.address),
              );
              list.push({ prefix: step.insert, owner: step.owner });
            }
          }
          for (const target of targets) {
            const best = list
              .filter((entry) => covers(entry.prefix, target))
              .sort((x, y) => y.prefix.length - x.prefix.length)[0];
            assert.equal(lookup(table, target), best?.owner, target.text);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

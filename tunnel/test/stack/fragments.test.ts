import assert from "node:assert/strict";
import fc from "fast-check";
import { Fragments } from "../../src/stack/fragments.ts";
import { IpPacket, PROTOCOL_UDP } from "../../src/wire/ip-packet.ts";
import { PacketBuffer } from "../../src/wire/packet-buffer.ts";
import { patternBytes } from "../support/transfer.ts";

const START = 36;

/** Adds the bytes `[offset, end)` of a packet of `total` pattern bytes. */
function add(
  fragments: Fragments,
  offset: number,
  end: number,
  total: number,
  options: { id?: number; nowMs?: number } = {},
) {
  const buffer = new PacketBuffer(2048 + total);
  buffer.bytes.set(patternBytes(offset, end - offset), START);
  const packet = new IpPacket();
  Object.assign(packet, {
    protocol: PROTOCOL_UDP,
    isFragment: true,
    fragmentOffset: offset,
    moreFragments: end < total,
    identification: options.id ?? 1,
    payloadStart: START,
    payloadEnd: START + end - offset,
  });
  const whole = fragments.add(buffer, packet, options.nowMs ?? 0);
  return whole && Buffer.from(whole.bytes.subarray(packet.payloadStart, packet.payloadEnd));
}

suite("stack/fragments", () => {
  test("parts in any order, some of them twice, become the whole exactly once", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.nat(39), { minLength: 40, maxLength: 120 }),
        (count, lastBytes, order) => {
          const fragments = new Fragments();
          const total = (count - 1) * 16 + lastBytes;
          const missing = new Set(Array.from({ length: count }, (_, index) => index));
          const sequence = [...order.map((index) => index % count), ...missing];
          for (const index of sequence) {
            missing.delete(index);
            const whole = add(fragments, index * 16, Math.min(total, index * 16 + 16), total);
            assert.equal(whole !== undefined, missing.size === 0);
            if (whole === undefined) continue;
            assert.deepEqual(whole, patternBytes(0, total));
            assert.equal(fragments.size, 0);
            return;
          }
        },
      ),
    );
  });

  test("overlapping parts cost the whole packet", () => {
    const fragments = new Fragments();
    add(fragments, 0, 32, 64);
    add(fragments, 24, 48, 64);
    assert.equal(fragments.size, 0);
    assert.equal(add(fragments, 32, 64, 64), undefined);
  });

  test("a part beyond the end, an uneven part and one beyond 64 KiB are not taken", () => {
    const fragments = new Fragments();
    add(fragments, 8, 16, 16);
    assert.equal(add(fragments, 16, 24, 32), undefined);
    assert.equal(fragments.size, 0);
    // The end comes last, and in front of what is there already: the sum of the lengths alone would look complete.
    add(fragments, 16, 32, 100);
    assert.equal(add(fragments, 0, 16, 16), undefined);
    assert.equal(fragments.size, 0);
    assert.equal(add(fragments, 0, 7, 100), undefined);
    assert.equal(add(fragments, 65_528, 65_540, 65_540), undefined);
    assert.equal(fragments.size, 0);
  });

  test("incomplete packets go after ten seconds, and the oldest goes when there are too many", () => {
    const fragments = new Fragments();
    add(fragments, 0, 8, 16, { id: 1 });
    assert.equal(add(fragments, 8, 16, 16, { id: 1, nowMs: 10_001 }), undefined);
    for (let id = 2; id < 200; id += 1) add(fragments, 0, 8, 16, { id, nowMs: 11_000 });
    assert.equal(fragments.size, 64);
    assert.equal(add(fragments, 8, 16, 16, { id: 100, nowMs: 11_000 }), undefined);
    assert.ok(add(fragments, 8, 16, 16, { id: 199, nowMs: 11_000 }));
  });
});

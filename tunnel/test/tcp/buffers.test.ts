import assert from "node:assert/strict";
import fc from "fast-check";
import { Reassembly } from "../../src/tcp/reassembly.ts";
import { ReceiveQueue } from "../../src/tcp/receive-queue.ts";
import { SendBuffer } from "../../src/tcp/send-buffer.ts";
import { patternByte, patternBytes } from "../support/transfer.ts";

suite("tcp/send-buffer", () => {
  test("is a queue with random access, across growth and wrapping", () => {
    const action = fc.oneof(
      fc.record({ append: fc.nat(9000) }),
      fc.record({ release: fc.nat(9000) }),
      fc.record({ look: fc.nat(9000), length: fc.nat(1500) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const buffer = new SendBuffer();
        let start = 0;
        let end = 0;
        for (const step of actions) {
          if ("append" in step) {
            buffer.append(patternBytes(end, step.append));
            end += step.append;
          } else if ("release" in step) {
            const count = Math.min(step.release, end - start);
            buffer.release(count);
            start += count;
          } else if (end > start) {
            const offset = step.look % (end - start);
            const length = Math.min(step.length, end - start - offset);
            const target = new Uint8Array(length + 2);
            buffer.copyTo(offset, length, target, 1);
            assert.deepEqual(
              Buffer.from(target.subarray(1, length + 1)),
              patternBytes(start + offset, length),
            );
          }
          assert.equal(buffer.length, end - start);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("gives a large ring back when it is empty", () => {
    const buffer = new SendBuffer();
    buffer.append(Buffer.alloc(1 << 20));
    buffer.release(1 << 20);
    assert.equal(buffer.capacity, 0);
  });
});

suite("tcp/receive-queue", () => {
  test("returns what went in, whatever the sizes of writes and reads", () => {
    const action = fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 3000 }) }),
      fc.record({ read: fc.integer({ min: 1, max: 20_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const queue = new ReceiveQueue();
        const held: { bytes: Buffer; at: number }[] = [];
        let written = 0;
        let read = 0;
        for (const step of actions) {
          if ("append" in step) {
            queue.append(patternBytes(written - 3, step.append + 6), 3, step.append + 3);
            written += step.append;
          } else {
            const bytes = queue.read(step.read);
            assert.equal(bytes === undefined, written === read);
            if (bytes === undefined) continue;
            held.push({ bytes, at: read });
            read += bytes.length;
          }
          assert.equal(queue.length, written - read);
        }
        // What was handed out is not written over by what came later.
        for (const { bytes, at } of held) assert.deepEqual(bytes, patternBytes(at, bytes.length));
      }),
      { numRuns: 200 },
    );
  });

  test("a burst reaches the reader in few pieces", () => {
    const queue = new ReceiveQueue();
    const segment = Buffer.alloc(1380);
    let pieces = 0;
    for (let burst = 0; burst < 2; burst += 1) {
      for (let i = 0; i < 32; i += 1) queue.append(segment, 0, 1380);
      pieces = 0;
      while (queue.read(65_536) !== undefined) pieces += 1;
    }
    assert.ok(pieces <= 2, `${pieces} pieces`);
  });
});

suite("tcp/reassembly", () => {
  test("puts segments of any cut, order and overlap together, and reports what it has", () => {
    const total = 4000;
    const segment = fc.record({ start: fc.nat(total - 1), length: fc.integer({ min: 1, max: 700 }) });
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 40 }), fc.integer(), (segments, origin) => {
        const reassembly = new Reassembly();
        const have = new Uint8Array(total + 800);
        let next = 0;
        const out: number[] = [];
        for (const { start, length } of segments) {
          const from = Math.max(start, next);
          const to = start + length;
          if (from >= to) continue;
          const isNew = have.subarray(from, to).includes(0);
          const source = patternBytes(from, to - from);
          if (from === next) {
            // In order bytes do not pass through here; the connection hands them on and drains what follows.
            for (let i = from; i < to; i += 1) out.push(patternByte(i));
            next = to;
          } else {
            assert.equal(reassembly.insert((origin + from) | 0, source, 0, source.length), isNew);
          }
          have.fill(1, from, to);
          const drained = reassembly.drain((origin + next) | 0, (bytes, begin, end) => {
            for (let i = begin; i < end; i += 1) out.push(bytes[i]!);
          });
          next += (drained - ((origin + next) | 0)) | 0;
          const edges = new Int32Array(8);
          const blocks = reassembly.sackBlocks(edges, 0, 4);
          for (let block = 0; block < blocks; block += 1) {
            const left = (edges[block * 2]! - origin) | 0;
            const right = (edges[block * 2 + 1]! - origin) | 0;
            assert.ok(left > next && right > left, "a block lies beyond a hole");
            assert.ok(!have.subarray(left, right).includes(0), "a block has no hole inside");
            assert.ok(have[left - 1] === 0 && have[right] === 0, "a block is as wide as it can be");
          }
        }
        assert.deepEqual(Buffer.from(out), patternBytes(0, out.length));
        assert.equal(out.length, next);
        const firstHole = have.indexOf(0);
        assert.equal(next, firstHole);
      }),
      { numRuns: 500 },
    );
  });

  test("the newest block comes first", () => {
    const reassembly = new Reassembly();
    const bytes = new Uint8Array(10);
    for (const start of [100, 200, 300, 150]) reassembly.insert(start, bytes, 0, 10);
    reassembly.insert(110, bytes, 0, 10);
    const edges = new Int32Array(8);
    assert.equal(reassembly.sackBlocks(edges, 0, 3), 3);
    assert.deepEqual([...edges.subarray(0, 6)], [100, 120, 150, 160, 300, 310]);
  });
});

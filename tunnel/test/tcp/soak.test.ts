import assert from "node:assert/strict";
import { SeededRandom } from "../support/seeded-random.ts";
import { type TcpPair, tcpPair } from "../support/tcp-pair.ts";
import type { Transfer } from "../support/transfer.ts";

const WORLDS = 150;
const LIMIT_MS = 6 * 3_600_000;

/** A path and two applications drawn from `seed`. */
function randomWorld(seed: number): { pair: TcpPair; description: string; ends: () => Transfer[] } {
  const random = new SeededRandom(seed);
  const pick = <T>(...values: T[]): T => values[random.below(values.length)]!;
  const link = {
    delayMs: pick(0, 0.2, 5, 40, 150),
    jitterMs: pick(0, 0, 1, 20),
    megabitsPerSecond: pick(0, 1, 20, 100),
    queueBytes: pick(20_000, 100_000, 1_000_000),
    loss: pick(0, 0, 0.01, 0.05, 0.2),
    duplicate: pick(0, 0, 0.02, 0.2),
    reorder: pick(0, 0, 0.02, 0.2),
    reorderMs: pick(1, 10, 60),
  };
  const options = {
    seed,
    link,
    mtu: pick(576, 1280, 1420),
    family: pick(4, 6) as 4 | 6,
    clientBytes: pick(0, 1, 1000, 200_000, 1_500_000),
    serverBytes: pick(0, 1, 1000, 200_000, 1_500_000),
  };
  if (options.family === 6 && options.mtu < 1280) options.mtu = 1280;
  const pair = tcpPair(options);
  const ends = () => [pair.client, pair.server()];
  // Applications that stop reading now and then.
  const stall = () => {
    const end = pick(...ends());
    end.reading = false;
    pair.simulation.at(pair.simulation.nowMs + random.below(3000), () => {
      end.reading = true;
      end.read();
      if (random.below(4) > 0 && !end.closed)
        pair.simulation.at(pair.simulation.nowMs + random.below(5000), stall);
    });
  };
  if (random.below(2) === 0) pair.simulation.at(pair.simulation.nowMs + random.below(500), stall);
  return { pair, description: JSON.stringify(options), ends };
}

suite("tcp/soak", () => {
  test("whatever the path and the appetite, every byte arrives and nothing is left behind", function () {
    this.timeout(120_000);
    for (let seed = 1; seed <= WORLDS; seed += 1) {
      const { pair, description, ends } = randomWorld(seed);
      const { simulation, aliceDevice, bobDevice, alice, bob } = pair;
      const where = `seed ${seed} ${description}`;
      const done = simulation.runUntil(() => ends().every((end) => end.closed && end.ended), LIMIT_MS);
      for (const end of ends()) {
        const expected = end === pair.client ? pair.server().toSend : pair.client.toSend;
        assert.deepEqual([end.received, end.firstWrong, end.failure], [expected, -1, undefined], where);
      }
      assert.ok(done, where);
      simulation.advance(120_000);
      assert.equal(aliceDevice.stack.connectionCount + bobDevice.stack.connectionCount, 0, where);
      // Only the sessions' own timers are left, and those run out.
      simulation.advance(1_000_000);
      assert.equal(alice.engine.nextDeadlineMs() ?? bob.engine.nextDeadlineMs(), undefined, where);
    }
  });
});

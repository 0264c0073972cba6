import assert from "node:assert/strict";
import { type Flow, type FlowEndpoints, FlowTable } from "../../src/stack/flow-table.ts";
import { ipv4FromWord } from "../../src/wire/ip-address.ts";
import { IpPacket } from "../../src/wire/ip-packet.ts";
import { SeededRandom } from "../support/seeded-random.ts";

class TestFlow implements Flow<TestFlow> {
  readonly endpoints: FlowEndpoints;
  nextInBucket: TestFlow | undefined;

  constructor(endpoints: FlowEndpoints) {
    this.endpoints = endpoints;
  }
}

/** With so many flows some 32-bit hashes collide, whatever the seed. */
const FLOWS = 300_000;

suite("stack/flow-table", () => {
  test("finds every flow among hundreds of thousands, by packet and by endpoints, until it is removed", () => {
    const table = new FlowTable<TestFlow>(12345);
    const localAddress = ipv4FromWord(0x0a000001);
    const random = new SeededRandom(7);
    const flows = Array.from({ length: FLOWS }, () => {
      const remoteAddress = ipv4FromWord(random.below(2 ** 32));
      return new TestFlow({ localAddress, localPort: random.below(65_536), remoteAddress, remotePort: 443 });
    });
    for (const flow of flows) table.add(flow);
    assert.equal(
      flows.some((flow) => flow.nextInBucket !== undefined),
      true,
    );
    const packet = new IpPacket();
    packet.source2 = 0xffff;
    packet.destination2 = 0xffff;
    packet.destination3 = localAddress.w3;
    const misses = () =>
      flows.filter(({ endpoints }, i) => {
        packet.source3 = endpoints.remoteAddress.w3;
        const found = table.findIncoming(packet, endpoints.localPort, 443);
        return found !== flows[i] || table.find(endpoints) !== flows[i];
      }).length;
    assert.equal(misses(), 0);
    assert.equal([...table].length, FLOWS);
    flows.forEach((flow, i) => {
      if (i % 2 === 0) table.remove(flow);
    });
    assert.equal(misses(), FLOWS / 2);
    assert.equal(table.size, FLOWS / 2);
  });
});

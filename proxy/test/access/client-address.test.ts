import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { clientAddress } from "../../src/access/client-address.ts";

suite("the visitor's own address behind trusted proxies", () => {
  const trusted = new BlockList();
  trusted.addSubnet("10.0.0.0", 8, "ipv4");
  trusted.addSubnet("fd00::", 8, "ipv6");
  const BALANCER = "10.0.0.1";

  for (const [what, lines, address] of [
    ["the balancer's entry", ["203.0.113.7"], "203.0.113.7"],
    ["nothing said", [], BALANCER],
    ["several balancers, counted from our side", ["203.0.113.7, 10.0.0.3, 10.0.0.2"], "203.0.113.7"],
    ["what the visitor wrote in front is not believed", ["1.2.3.4, 203.0.113.7"], "203.0.113.7"],
    [
      "weakness 10: nor is a first line, when the balancer adds its own",
      ["1.2.3.4", "203.0.113.7"],
      "203.0.113.7",
    ],
    [
      "weakness 10: nor a trusted address in a first line",
      ["10.0.0.9", "203.0.113.7, 10.0.0.2"],
      "203.0.113.7",
    ],
    ["with a port", ["203.0.113.7:51515"], "203.0.113.7"],
    ["IPv6 with brackets and port", ["[2001:db8::7]:443"], "2001:db8::7"],
    ["IPv4 in IPv6 clothes", ["::ffff:203.0.113.7"], "203.0.113.7"],
    ["rubbish behind the address", ["203.0.113.7, unknown"], "203.0.113.7"],
    ["only trusted ones: the one that is farthest", ["10.0.0.9, 10.0.0.2"], "10.0.0.9"],
  ] as const) {
    test(what, () => {
      const forwardedFor = lines.length === 0 ? undefined : lines.join(", ");
      assert.equal(clientAddress(BALANCER, forwardedFor, trusted), address);
    });
  }
});

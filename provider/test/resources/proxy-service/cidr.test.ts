import assert from "node:assert/strict";
import { Diagnostics } from "../../../src/framework/diagnostics.ts";
import { cidr } from "../../../src/resources/proxy-service/cidr.ts";

suite("networks in CIDR notation", () => {
  const accepted = (text: string) => {
    const diagnostics = new Diagnostics();
    cidr(text, ["x"], diagnostics);
    return !diagnostics.hasErrors;
  };

  test("are taken with host bits zero, IPv4 and IPv6", () => {
    for (const text of [
      "0.0.0.0/0",
      "192.0.2.0/24",
      "192.0.2.1/32",
      "10.128.0.0/9",
      "::/0",
      "2001:db8::/32",
      "2001:db8::1/128",
      "fe80::/10",
      "1:2:3:4:5:6:7:8/128",
      "::ffff:192.0.2.0/120",
    ])
      assert.ok(accepted(text), text);
  });

  test("are refused otherwise", () => {
    for (const text of [
      "192.0.2.1",
      "192.0.2.1/24",
      "192.0.2.0/33",
      "2001:db8::1/64",
      "2001:db8::/129",
      "x/8",
      "10.0.0.0/",
      "10.0.0.0/8/8",
      "10.0.0.0/-1",
      "::ffff:192.0.2.1/120",
    ])
      assert.ok(!accepted(text), text);
  });
});

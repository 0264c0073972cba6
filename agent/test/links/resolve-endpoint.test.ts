import assert from "node:assert/strict";
import { resolveEndpoint } from "../../src/links/resolve-endpoint.ts";

const lookup = async (name: string) => {
  if (name === "both.example.com") return ["2001:db8::1", "192.0.2.1", "192.0.2.2"];
  if (name === "empty.example.com") return [];
  throw Object.assign(new Error("unknown"), { code: "ENOTFOUND" });
};

suite("endpoints of proxies", () => {
  test("literal addresses are taken as they are", async () => {
    assert.deepEqual(await resolveEndpoint("192.0.2.1:51820", lookup), {
      ok: true,
      endpoints: ["192.0.2.1:51820"],
    });
    assert.deepEqual(await resolveEndpoint("[2001:db8::1]:51820", lookup), {
      ok: true,
      endpoints: ["[2001:db8::1]:51820"],
    });
  });

  test("a name gives all its addresses, IPv4 first", async () => {
    assert.deepEqual(await resolveEndpoint("both.example.com:1", lookup), {
      ok: true,
      endpoints: ["192.0.2.1:1", "192.0.2.2:1", "[2001:db8::1]:1"],
    });
  });

  test("what cannot be resolved says why", async () => {
    assert.deepEqual(await resolveEndpoint("gone.example.com:1", lookup), { ok: false, why: "ENOTFOUND" });
    assert.deepEqual(await resolveEndpoint("empty.example.com:1", lookup), {
      ok: false,
      why: "no addresses",
    });
    for (const text of ["", "host", "host:", "host:0", "host:65536", "2001:db8::1:51820", "[host:1", "a b:c"])
      assert.equal((await resolveEndpoint(text, lookup)).ok, false, text);
  });
});

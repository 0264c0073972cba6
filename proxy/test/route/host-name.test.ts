import assert from "node:assert/strict";
import { hostOf, portOf } from "../../src/route/host-name.ts";

suite("host names in requests", () => {
  test("lower case, without port and trailing dot", () => {
    assert.equal(hostOf("App.Example.COM:8443"), "app.example.com");
    assert.equal(hostOf("app.example.com."), "app.example.com");
    assert.equal(hostOf("app.example.com.:443"), "app.example.com");
    assert.equal(hostOf("a_b.example"), "a_b.example");
    assert.equal(hostOf("[2001:DB8::1]:443"), "2001:db8::1");
    assert.equal(hostOf("127.0.0.1:80"), "127.0.0.1");
  });

  test("what is not one host is none", () => {
    for (const bad of [
      "",
      ".",
      ":80",
      "a b",
      "a@b",
      "a/b",
      "a,b",
      "a:b",
      "a:1:2",
      "a\tb",
      "é",
      "[::1",
      "[x]",
      "a?b",
      "x".repeat(600),
    ]) {
      assert.equal(hostOf(bad), undefined, JSON.stringify(bad));
    }
  });

  test("the port, where there is one", () => {
    assert.equal(portOf("a:8443"), "8443");
    assert.equal(portOf("a"), undefined);
    assert.equal(portOf("[::1]"), undefined);
    assert.equal(portOf("[::1]:443"), "443");
  });
});

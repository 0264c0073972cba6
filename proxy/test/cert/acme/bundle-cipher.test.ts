import assert from "node:assert/strict";
import { createBundleCipher } from "../../../src/cert/acme/bundle-cipher.ts";

suite("what leaves the proxy for the cluster", () => {
  const cipher = createBundleCipher("a secret of the cluster");

  test("only proxies with the same secret can read it", () => {
    const bytes = cipher.seal("PRIVATE KEY", "a.test");
    assert.equal(bytes.includes("PRIVATE KEY"), false);
    assert.equal(createBundleCipher("a secret of the cluster").open(bytes, "a.test"), "PRIVATE KEY");
    assert.throws(() => createBundleCipher("another secret, as long").open(bytes, "a.test"), /not the same/);
    assert.throws(() => createBundleCipher(undefined).open(bytes, "a.test"), /on some proxies/);
  });

  test("a bundle is no good under another name, and not without the secret that others have", () => {
    assert.throws(() => cipher.open(cipher.seal("x", "a.test"), "b.test"));
    assert.throws(
      () => cipher.open(createBundleCipher(undefined).seal("x", "a.test"), "a.test"),
      /on some proxies/,
    );
  });
});

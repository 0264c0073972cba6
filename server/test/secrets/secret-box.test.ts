import assert from "node:assert/strict";
import { createSecretBox } from "../../src/secrets/secret-box.ts";

suite("encryption at rest", () => {
  const box = createSecretBox(new Uint8Array(32).fill(1));

  test("what is sealed opens again, and looks different every time", () => {
    const sealed = box.seal("private key", "a");
    assert.equal(box.open(sealed, "a"), "private key");
    assert.notEqual(box.seal("private key", "a"), sealed);
    assert.ok(!sealed.includes("private"));
  });

  test("another purpose, another key, or one changed bit is refused", () => {
    const sealed = box.seal("private key", "a");
    assert.throws(() => box.open(sealed, "b"));
    assert.throws(() => createSecretBox(new Uint8Array(32).fill(2)).open(sealed, "a"));
    const bytes = Buffer.from(sealed.slice(3), "base64");
    bytes[15]! ^= 1;
    assert.throws(() => box.open(`v1.${bytes.toString("base64")}`, "a"));
    assert.throws(() => box.open("plain text", "a"));
  });
});

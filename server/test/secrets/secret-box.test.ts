import assert from "node:assert/strict";
import { AppError } from "@netbird-proxy/proto";
import { fixedKeyring, sealingKey } from "../../src/secrets/keyring.ts";
import { createSecretBox, namedKeyId, sealedPrefix } from "../../src/secrets/secret-box.ts";
import { sealedV1 } from "../support/sealed-v1.ts";

const a = "service.session_key";
const b = "peer.preshared_key";
const keyOf = (n: number) => sealingKey(new Uint8Array(32).fill(n));
const boxOf = (...numbers: number[]) => createSecretBox(fixedKeyring(numbers.map(keyOf), "the test"));

suite("encryption at rest", () => {
  const box = boxOf(1);

  test("what is sealed opens again, names its key, and looks different every time", () => {
    const sealed = box.seal("private key", a);
    assert.equal(box.open(sealed, a), "private key");
    assert.notEqual(box.seal("private key", a), sealed);
    assert.ok(!sealed.includes("private"));
    assert.ok(sealed.startsWith(sealedPrefix(keyOf(1).id)), sealed);
    assert.equal(namedKeyId(sealed), keyOf(1).id);
  });

  test("another purpose, or one changed bit, is refused", () => {
    const sealed = box.seal("private key", a);
    const prefix = sealedPrefix(keyOf(1).id);
    assert.throws(() => box.open(sealed, b));
    const bytes = Buffer.from(sealed.slice(prefix.length), "base64");
    bytes[15]! ^= 1;
    assert.throws(() => box.open(prefix + bytes.toString("base64"), a));
    assert.throws(() => box.open("plain text", a), /not a sealed value/);
    assert.throws(() => box.open(prefix, a), /not a sealed value/);
  });

  test("every key of the ring opens, the first one seals", () => {
    const sealed = boxOf(2).seal("private key", a);
    const both = boxOf(1, 2);
    assert.equal(both.open(sealed, a), "private key");
    assert.equal(both.keyIdOf(sealed, a), keyOf(2).id);
    assert.equal(namedKeyId(both.seal("x", a)), keyOf(1).id);
  });

  test("a value of a key that is not there names the key, what there is, and what to do", () => {
    const sealed = boxOf(2).seal("private key", a);
    assert.throws(
      () => boxOf(1, 3).open(sealed, a),
      (error) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.code, "key.missing");
        assert.ok(error.message.includes(keyOf(2).id), error.message);
        assert.ok(error.message.includes(`the test has only ${keyOf(1).id}, ${keyOf(3).id}`), error.message);
        assert.match(error.hint, /key status/);
        return true;
      },
    );
  });

  test("values of the version without key ids open with whichever key made them", () => {
    const old = sealedV1(keyOf(2).bytes, "private key", a);
    assert.equal(boxOf(1, 2).open(old, a), "private key");
    assert.equal(boxOf(1, 2).keyIdOf(old, a), keyOf(2).id);
    assert.throws(() => boxOf(1).open(old, a), { code: "key.missing" });
    assert.equal(boxOf(1).keyIdOf(old, a), undefined);
  });

  test("a key that was replaced seals no more, wherever the file has it", () => {
    const ring = fixedKeyring([keyOf(1), keyOf(2)], "the test");
    ring.replaced([keyOf(1).id]);
    assert.equal(ring.current().id, keyOf(2).id);
    // With no other key there is still one: reading goes on, and so does writing.
    ring.replaced([keyOf(1).id, keyOf(2).id]);
    assert.equal(ring.current().id, keyOf(1).id);
  });
});

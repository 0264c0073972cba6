import assert from "node:assert/strict";
import { identityKeyOf } from "../../src/secrets/identity-key.ts";

suite("the key of a service's identity tokens", () => {
  const sessionPrivateKey = Buffer.alloc(64, 9).toString("base64");
  const open = { open: (sealed: string) => sealed };
  const key = (auth: object, sealed = sessionPrivateKey) =>
    Buffer.from(identityKeyOf({ auth, sessionPrivateKey: sealed } as never, open as never));

  test("is made from the session key, stays the same, and is not that key", () => {
    const seed = key({ identityToken: true });
    assert.equal(seed.length, 32);
    assert.deepEqual(key({ identityToken: true }), seed);
    assert.notDeepEqual(seed, Buffer.alloc(32, 9));
    assert.notDeepEqual(key({ identityToken: true }, Buffer.alloc(64, 8).toString("base64")), seed);
  });

  test("leaves the server only for services that want such tokens", () => {
    assert.equal(key({}).length, 0);
  });
});

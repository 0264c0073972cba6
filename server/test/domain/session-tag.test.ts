import assert from "node:assert/strict";
import { sessionMethods, sessionTag } from "../../src/domain/session-tag.ts";
import type { StoredAuth } from "../../src/store/services.ts";

const auth: StoredAuth = {
  password: { enabled: true, hash: "$argon2id$p" },
  pin: { enabled: true, hash: "$argon2id$n" },
  bearer: { enabled: true, groups: ["g"] },
  headers: [
    { enabled: true, header: "X-Key", hash: "$argon2id$h" },
    { enabled: false, header: "X-Off", hash: "$argon2id$o" },
  ],
};

suite("the tag of sessions", () => {
  const tags = (changed: StoredAuth = auth, sessionEpoch = 0) =>
    sessionMethods.map((method) => sessionTag({ auth: changed, sessionEpoch }, method));
  const before = tags();
  const changed = (after: string[]) => sessionMethods.filter((_, at) => after[at] !== before[at]);

  test("is each method's own, stays while its secret does, and shows nothing of it", () => {
    assert.equal(new Set(before).size, 4);
    assert.deepEqual(tags(structuredClone(auth)), before);
    for (const tag of before) assert.match(tag, /^[\w-]{16}$/);
  });

  test("changes with the secret of the method, and of no other", () => {
    assert.deepEqual(changed(tags({ ...auth, password: { enabled: true, hash: "new" } })), ["password"]);
    assert.deepEqual(changed(tags({ ...auth, pin: { enabled: true, hash: "new" } })), ["pin"]);
    const [first, off] = auth.headers!;
    assert.deepEqual(changed(tags({ ...auth, headers: [{ ...first!, hash: "new" }, off!] })), ["header"]);
    assert.deepEqual(changed(tags({ ...auth, headers: [off!] })), ["header"]);
    assert.deepEqual(changed(tags({ ...auth, headers: [first!] })), []);
    assert.deepEqual(changed(tags({ ...auth, bearer: { enabled: true, groups: [] } })), []);
  });

  test("changes for every method when all sessions are ended", () => {
    assert.deepEqual(changed(tags(auth, 1)), [...sessionMethods]);
  });
});

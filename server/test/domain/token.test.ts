import assert from "node:assert/strict";
import { hashToken, isWellFormedToken, newToken, tokenChecksum } from "../../src/domain/token.ts";

suite("tokens", () => {
  test("checksum and stored form are those of the reference vectors", () => {
    const token = "nbx_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0uCPlr";
    assert.equal(tokenChecksum("A".repeat(30)), "0uCPlr");
    assert.equal(tokenChecksum("abcdefghijklmnopqrstuvwxyz0123"), "2LolCm");
    assert.equal(hashToken(token), "ejDVNrkluy7RON5Csrv431jgILBTdWyW6kUVSGLKrWA=");
    assert.ok(isWellFormedToken(token, "nbx_"));
  });

  test("a new token is well formed, another prefix or one changed character is not", () => {
    const token = newToken("nbp_");
    assert.match(token, /^nbp_[0-9A-Za-z]{36}$/);
    assert.ok(isWellFormedToken(token, "nbp_"));
    assert.ok(!isWellFormedToken(token, "nbx_"));
    const changed = token.slice(0, 10) + (token[10] === "x" ? "y" : "x") + token.slice(11);
    assert.ok(!isWellFormedToken(changed, "nbp_"));
    assert.ok(!isWellFormedToken(token.slice(0, -1), "nbp_"));
  });
});

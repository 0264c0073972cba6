import assert from "node:assert/strict";
import { matchPrefix, parsePathPrefix } from "../../src/route/path-match.ts";

suite("path prefixes", () => {
  const covers = (path: string, prefix: string) => matchPrefix(path, parsePathPrefix(prefix));

  test("weakness 37: match at segment boundaries only", () => {
    assert.equal(covers("/api", "/api"), 4);
    assert.equal(covers("/api/x", "/api"), 4);
    assert.equal(covers("/apix", "/api"), -1);
    assert.equal(covers("/ap", "/api"), -1);
    assert.equal(covers("/x/api", "/api"), -1);
  });

  test("a trailing slash in the prefix makes no difference", () => {
    assert.equal(covers("/api", "/api/"), 4);
    assert.equal(covers("/api/x", "api"), 4);
  });

  test("the root covers everything and cuts nothing", () => {
    for (const root of ["/", ""]) assert.equal(covers("/anything", root), 0);
  });

  test("encoded characters cannot walk around a prefix", () => {
    assert.equal(covers("/%61pi/x", "/api"), 6);
    assert.equal(covers("/api/x", "/%61pi"), 4);
    assert.equal(covers("/caf%C3%A9/x", "/café"), 10);
  });

  test("an encoded slash stays inside its segment", () => {
    assert.equal(covers("/api%2Fx", "/api"), -1);
    assert.equal(covers("/a%2Fb/c", "/a%2Fb"), 6);
    assert.equal(covers("/a/b/c", "/a%2Fb"), -1);
  });

  test("a broken escape is compared as it stands", () => {
    assert.equal(covers("/%zz/x", "/%zz"), 4);
    assert.equal(covers("/%zz", "/api"), -1);
  });
});

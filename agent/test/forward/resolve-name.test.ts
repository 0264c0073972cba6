import assert from "node:assert/strict";
import { NameResolver } from "../../src/forward/resolve-name.ts";

function resolverOver(answers: Record<string, string[] | Error>) {
  let nowMs = 0;
  const asked: string[] = [];
  const resolver = new NameResolver({
    nowMs: () => nowMs,
    async lookup(name) {
      asked.push(name);
      const answer = answers[name] ?? Object.assign(new Error("unknown name"), { code: "ENOTFOUND" });
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return {
    resolver,
    asked,
    answers,
    advanceMs: (ms: number) => {
      nowMs += ms;
    },
  };
}

suite("names of domain resources", () => {
  test("an answer is remembered for ten seconds, then asked for again", async () => {
    const { resolver, asked, answers, advanceMs } = resolverOver({ "db.internal": ["10.0.0.1"] });
    assert.deepEqual(await resolver.resolve("db.internal"), { ok: true, addresses: ["10.0.0.1"] });
    advanceMs(9_999);
    await resolver.resolve("db.internal");
    assert.equal(asked.length, 1);
    answers["db.internal"] = ["10.0.0.2"];
    advanceMs(1);
    assert.deepEqual(await resolver.resolve("db.internal"), { ok: true, addresses: ["10.0.0.2"] });
  });

  test("connections that arrive together share one question", async () => {
    const { resolver, asked } = resolverOver({ "db.internal": ["10.0.0.1"] });
    await Promise.all([1, 2, 3].map(() => resolver.resolve("db.internal")));
    assert.equal(asked.length, 1);
  });

  test("the last answer stands in while the resolver fails, but not for ever", async () => {
    const { resolver, answers, advanceMs } = resolverOver({ "db.internal": ["10.0.0.1"] });
    await resolver.resolve("db.internal");
    answers["db.internal"] = Object.assign(new Error("down"), { code: "EAI_AGAIN" });
    advanceMs(60_000);
    assert.deepEqual(await resolver.resolve("db.internal"), { ok: true, addresses: ["10.0.0.1"] });
    advanceMs(600_000);
    assert.deepEqual(await resolver.resolve("db.internal"), { ok: false, why: "EAI_AGAIN" });
  });

  test("a name whose addresses did not answer is asked for again at once", async () => {
    const { resolver, asked } = resolverOver({ "db.internal": ["10.0.0.1"] });
    await resolver.resolve("db.internal");
    resolver.forget("db.internal");
    await resolver.resolve("db.internal");
    assert.equal(asked.length, 2);
  });

  test("an unknown name says so", async () => {
    const { resolver } = resolverOver({});
    assert.deepEqual(await resolver.resolve("nowhere.internal"), { ok: false, why: "ENOTFOUND" });
  });
});

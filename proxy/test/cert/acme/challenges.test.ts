import assert from "node:assert/strict";
import { Challenges } from "../../../src/cert/acme/challenges.ts";

suite("answers to challenges", () => {
  const answer = (name: string, token: string) => ({ name, token, keyAuthorization: `${token}.thumb` });

  test("our own are known at once, those of other proxies are asked for", async () => {
    const challenges = new Challenges();
    challenges.set(answer("own.test", "t1"));
    challenges.cluster = { challenge: async ({ name, token }) => answer(name, token || "t2") };
    assert.equal((await challenges.forName("own.test"))?.token, "t1");
    assert.equal((await challenges.forName("other.test"))?.token, "t2");
    assert.equal((await challenges.forToken("other.test", "t3"))?.keyAuthorization, "t3.thumb");
    challenges.clear("own.test");
    assert.equal((await challenges.forName("own.test"))?.token, "t2");
  });

  test("strangers cannot make us ask for odd tokens, without end, or much for names nobody published", async () => {
    const challenges = new Challenges();
    let asked = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    challenges.serves = (name) => name === "ours.test";
    challenges.cluster = {
      challenge: async () => {
        asked += 1;
        await held;
        return undefined;
      },
    };
    assert.equal(await challenges.forToken("ours.test", "../../etc/passwd"), undefined);
    assert.equal(asked, 0);
    const strange = Array.from({ length: 1000 }, (_, at) => challenges.forName(`stranger${at}.test`));
    assert.equal(asked, 2);
    const questions = Array.from({ length: 1000 }, () => challenges.forName("ours.test"));
    assert.equal(asked, 32);
    release();
    await Promise.all([...strange, ...questions]);
    await challenges.forName("stranger.test");
    assert.equal(asked, 33, "the places are free again");
  });

  test("a server that is away is the same as no answer", async () => {
    const challenges = new Challenges();
    challenges.cluster = { challenge: () => Promise.reject(new Error("UNAVAILABLE")) };
    assert.equal(await challenges.forName("a.test"), undefined);
  });
});

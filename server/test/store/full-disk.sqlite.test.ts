import assert from "node:assert/strict";
import { ErrorBody } from "@netbird-proxy/proto/rest";
import {
  assertConforms,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

suite("a full disk", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
  });
  teardown(() => server.close());

  /** SQLite refuses to grow the file, with the error that a full volume gives. */
  const pages = async (limit: number) => server.store.db.raw(`pragma max_page_count = ${limit}`);

  async function fillUp() {
    await pages(1);
    for (let n = 0; n < 500; n += 1) {
      const before = await contents(server.store);
      const answer = await server.call("POST", "/groups", { name: `${n} ${"x".repeat(240)}` });
      if (answer.status !== 200) return { answer, before };
    }
    return assert.fail("the disk never filled up");
  }

  test("refuses the write with a code and a hint, keeps nothing of it, and goes on reading", async () => {
    const { answer, before } = await fillUp();
    assert.deepEqual(refusal(answer), { status: 507, code: "storage.full", path: "" });
    assertConforms(ErrorBody, answer.body);
    assert.match(answer.body.error.hint, /Free disk space/);
    assert.deepEqual(await contents(server.store), before);
    server.nowMs += 120_000;
    assert.equal((await server.call("GET", "/groups")).status, 200);
  });

  test("is over as soon as there is space again", async () => {
    await fillUp();
    await pages(1_000_000);
    assert.equal((await server.call("POST", "/groups", { name: "afterwards" })).status, 200);
  });

  test("a dry run needs no space", async () => {
    await fillUp();
    const answer = await server.call("POST", "/groups?dry_run=true", { name: "x" });
    assert.ok([200, 507].includes(answer.status), answer.text);
  });
});

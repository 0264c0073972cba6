import assert from "node:assert/strict";
import { sessionTag } from "../../src/domain/session-tag.ts";
import { rotateSessionKeys } from "../../src/jobs/rotate-session-keys.ts";
import { readSession, signSession } from "../../src/secrets/session-token.ts";
import { listAuditEvents } from "../../src/store/audit-events.ts";
import { getService, SESSION_KEY_PURPOSE } from "../../src/store/services.ts";
import { CLUSTER, type RestServer, startRestServer } from "../support/rest-server.ts";

const DAY_MS = 86_400_000;

suite("the rotation of session keys", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    // The test lasts for months.
    await server.store.db("personal_access_tokens").update({ expires_at: server.nowMs + 1_000 * DAY_MS });
  });
  teardown(() => server.close());

  async function make(name: string): Promise<string> {
    const target = {
      target_id: CLUSTER,
      target_type: "cluster",
      host: "127.0.0.1",
      protocol: "http",
      port: 1,
      options: { direct_upstream: true },
    };
    const auth = { pin_auth: { enabled: true, pin: "123456" } };
    const body = { name, domain: `${name}.${CLUSTER}`, targets: [target], auth };
    const answer = await server.call("POST", "/reverse-proxies/services", body);
    assert.equal(answer.status, 200, answer.text);
    return answer.body.id;
  }
  const read = async (id: string) => (await getService(server.store.db, server.account, id))!;
  const sign = async (id: string) => {
    const service = await read(id);
    const key = server.store.secrets.open(service.sessionPrivateKey, SESSION_KEY_PURPOSE);
    const subject = {
      subject: "pin-user",
      method: "pin" as const,
      tag: sessionTag(service, "pin"),
      lifetimeSeconds: 30 * 86_400,
    };
    return signSession(key, service.domain, subject, server.nowMs);
  };
  const later = (days: number) => {
    server.nowMs += days * DAY_MS;
    return rotateSessionKeys(server.context);
  };

  test("replaces keys that are 90 days old, once, and those of nobody else", async () => {
    const old = await make("old");
    const before = await read(old);
    server.nowMs += 60 * DAY_MS;
    await server.connectProxy();
    const young = await make("young");
    const youngBefore = await read(young);
    await later(29);
    assert.equal((await read(old)).sessionPublicKey, before.sessionPublicKey);
    await later(2);
    const after = await read(old);
    assert.notEqual(after.sessionPublicKey, before.sessionPublicKey);
    assert.notEqual(after.sessionPrivateKey, before.sessionPrivateKey);
    assert.deepEqual(
      after.formerSessionKeys.map(({ publicKey }) => publicKey),
      [before.sessionPublicKey],
    );
    assert.ok(after.revision > before.revision, "proxies hear of it");
    const [event] = await listAuditEvents(server.store.db, server.account, 1);
    assert.deepEqual([event!.activityCode, event!.targetId], ["service.session.key.rotate", old]);
    assert.deepEqual((await read(young)).sessionPublicKey, youngBefore.sessionPublicKey);
    await rotateSessionKeys(server.context);
    assert.deepEqual((await read(old)).revision, after.revision);
  });

  test("also of services from before their keys had a date", async () => {
    const id = await make("old");
    const before = await read(id);
    await server.store.db("services").update({ session_key_made_at: null });
    await later(91);
    assert.notEqual((await read(id)).sessionPublicKey, before.sessionPublicKey);
  });

  test("signs nobody out: the old key verifies what it signed until the longest session is over", async () => {
    const id = await make("shop");
    await later(89);
    const token = await sign(id);
    await later(2);
    const valid = async (one: string) => readSession(await read(id), one, server.nowMs);
    assert.equal(await valid(token), "pin-user");
    assert.equal(await valid(await sign(id)), "pin-user");
    server.nowMs += 27 * DAY_MS;
    assert.equal(await valid(token), "pin-user");
    server.nowMs += 2 * DAY_MS;
    assert.equal(await valid(token), undefined, "its own time is over");
    await later(91);
    assert.equal((await read(id)).formerSessionKeys.length, 1, "keys that verify nothing are forgotten");
  });

  test("a full replacement of the service keeps the keys", async () => {
    const id = await make("shop");
    await later(91);
    const before = await read(id);
    const { body } = await server.call("GET", `/reverse-proxies/services/${id}`);
    const { status } = await server.call("PUT", `/reverse-proxies/services/${id}`, {
      ...body,
      name: "other",
    });
    assert.equal(status, 200);
    const after = await read(id);
    assert.deepEqual(
      [after.sessionPublicKey, after.sessionKeyMadeAt, after.formerSessionKeys],
      [before.sessionPublicKey, before.sessionKeyMadeAt, before.formerSessionKeys],
    );
  });
});

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { createAuthority, issueCertificate, type PemPair } from "../../../scripts/stack/local-ca.ts";
import { hashToken, newToken } from "../../src/domain/token.ts";
import { CLUSTER, contents, type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

suite("uploaded certificates", () => {
  let server: RestServer;
  let authority: PemPair;
  suiteSetup(async () => {
    authority = await createAuthority("Test Root");
  });
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  const PATH = "/reverse-proxies/certificates";
  const upload = ({ certificate, key }: PemPair, name = "shop") =>
    server.call("POST", PATH, { name, certificate_chain: certificate, private_key: key });

  test("an upload shows what the certificate says", async () => {
    const pair = await issueCertificate(authority, [`shop.${CLUSTER}`]);
    const { status, body } = await upload(pair);
    assert.equal(status, 200);
    const leaf = new X509Certificate(pair.certificate);
    assert.deepEqual(body.domains, [`shop.${CLUSTER}`]);
    assert.equal(Date.parse(body.not_after), Date.parse(leaf.validTo));
    assert.equal(Date.parse(body.not_before), Date.parse(leaf.validFrom));
    assert.equal(body.serial, leaf.serialNumber.toLowerCase());
    assert.equal(body.fingerprint, leaf.fingerprint256.replaceAll(":", "").toLowerCase());
    assert.equal(body.issuer, "CN=Test Root");
    assert.deepEqual((await server.call("GET", PATH)).body, [body]);
    assert.deepEqual((await server.call("GET", `${PATH}/${body.id}`)).body, body);
  });

  test("the key is in no answer, in no audit event, and sealed in the database", async () => {
    const pair = await issueCertificate(authority, [`shop.${CLUSTER}`]);
    const { body } = await upload(pair);
    const next = await issueCertificate(authority, [`shop.${CLUSTER}`]);
    const path = `${PATH}/${body.id}`;
    const put = { name: "next", certificate_chain: next.certificate, private_key: next.key };
    const answers = [
      await server.call("PUT", path, put),
      await server.call("PATCH", path, { name: "renamed" }),
      await server.call("GET", path),
      await server.call("GET", PATH),
      await server.call("GET", "/events/audit"),
      await server.call("PUT", path, { ...put, private_key: pair.key }),
      await server.call("DELETE", path),
    ];
    const rows = JSON.stringify(await contents(server.store));
    for (const { key } of [pair, next]) {
      const secret = key.split("\n")[1]!;
      for (const { text } of answers) assert.ok(!text.includes(secret), text);
      assert.ok(!rows.includes(secret));
    }
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200, 422, 200],
    );
  });

  test("every change leaves its event, and one that changes nothing leaves none", async () => {
    const pair = await issueCertificate(authority, [`shop.${CLUSTER}`]);
    const { body } = await upload(pair);
    const path = `${PATH}/${body.id}`;
    await server.call("PUT", path, { name: "shop", certificate_chain: pair.certificate });
    await server.call("PATCH", path, { private_key: pair.key });
    await server.call("PATCH", path, { name: "other" });
    await server.call("DELETE", path);
    const { body: events } = await server.call("GET", "/events/audit");
    const ours = events.filter(({ target_id }: { target_id: string }) => target_id === body.id);
    assert.deepEqual(ours.map(({ activity_code }: { activity_code: string }) => activity_code).sort(), [
      "certificate.add",
      "certificate.delete",
      "certificate.update",
    ]);
    assert.equal(ours[0].meta.domains, `shop.${CLUSTER}`);
    assert.equal(refusal(await server.call("GET", path)).code, "certificate.not_found");
    assert.equal(refusal(await server.call("DELETE", path)).code, "certificate.not_found");
  });

  test("an expired certificate can still be renamed, but not uploaded again", async () => {
    const pair = await issueCertificate(authority, [`shop.${CLUSTER}`], 30);
    const { body } = await upload(pair);
    server.nowMs = Date.now() + 40 * 86_400_000;
    const path = `${PATH}/${body.id}`;
    await server.connectProxy();
    const token = await freshToken();
    assert.equal((await server.call("PATCH", path, { name: "old" }, token)).status, 200);
    const again = { name: "x", certificate_chain: pair.certificate, private_key: pair.key };
    const refused = await server.call("POST", PATH, again, token);
    assert.deepEqual(refusal(refused), {
      status: 422,
      code: "certificate.invalid",
      path: "certificate_chain",
    });
    assert.match(refused.body.message, /expired at 20/);
  });

  /** The owner's own has run out by then. */
  async function freshToken(): Promise<string> {
    const token = newToken("nbp_");
    await server.store
      .db("personal_access_tokens")
      .update({ token_hash: hashToken(token), expires_at: server.nowMs + 86_400_000 });
    return token;
  }

  test("a wildcard for a custom domain of the account is taken, and another account's is not", async () => {
    await server.call("POST", "/reverse-proxies/domains", {
      domain: "apps.example.test",
      target_cluster: CLUSTER,
    });
    assert.equal((await upload(await issueCertificate(authority, ["*.example.test"]))).status, 200);
    assert.equal((await upload(await issueCertificate(authority, ["*.apps.example.test"]))).status, 200);
    const refused = await upload(await issueCertificate(authority, ["*.sub.example.test"]));
    assert.equal(refused.body.error.path, "certificate_chain");
    assert.match(refused.body.error.hint, /apps\.example\.test/);
  });

  test("the key in a wrong field is refused without being repeated", async () => {
    const pair = await issueCertificate(authority, [`shop.${CLUSTER}`]);
    const { status, text } = await server.call("POST", PATH, {
      name: "x",
      certificate_chain: pair.certificate + pair.key,
      private_key: pair.key,
    });
    assert.equal(status, 422);
    assert.ok(!text.includes(pair.key.split("\n")[1]!));
  });

  test("a stale If-Match is refused, and a dry run keeps nothing", async () => {
    const pair = await issueCertificate(authority, [`shop.${CLUSTER}`]);
    const before = await contents(server.store);
    const draft = { name: "x", certificate_chain: pair.certificate, private_key: pair.key };
    assert.equal((await server.call("POST", `${PATH}?dry_run=true`, draft)).status, 200);
    assert.deepEqual(await contents(server.store), before);
    const made = await server.call("POST", PATH, draft);
    const path = `${PATH}/${made.body.id}`;
    const ifMatch = { "if-match": String(made.headers.etag) };
    assert.equal((await server.call("PATCH", path, { name: "y" }, server.token, ifMatch)).status, 200);
    assert.equal((await server.call("PATCH", path, { name: "z" }, server.token, ifMatch)).status, 412);
  });
});

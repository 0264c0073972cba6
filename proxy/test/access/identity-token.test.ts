import assert from "node:assert/strict";
import { createLocalJWKSet, jwtVerify } from "jose";
import { identitySigner } from "../../src/access/identity-token.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { get } from "../support/client.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, sessionToken } from "../support/sessions.ts";

const HOST = "app.example.test";
const identityKey = Buffer.alloc(32, 5);

suite("the identity token for targets", () => {
  let proxy: TestProxy;
  let backend: Backend;
  suiteSetup(async () => {
    proxy = await startTestProxy();
    backend = await startBackend();
    proxy.management.validateSession = () => ({
      valid: true,
      userEmail: "ann@example.com",
      peerGroupIds: ["g1", "g2"],
      peerGroupNames: ["Staff", "a,b\n"],
    });
    const mapping = (id: string, more = {}) =>
      httpService(id, `${id}.example.test`, backend.url, {
        auth: authentication({ oidc: true, password: true, ...more }),
      });
    await proxy.management.apply(mapping("app", { identityKey }), mapping("plain"));
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });

  const ask = (path: string, headers = {}, host = HOST) =>
    get({ port: proxy.port, ca: proxy.ca, host, path, headers });

  test("says who the visitor is, and verifies with the keys of the service's own address", async () => {
    const session = await sessionToken({ audience: HOST, method: "oidc", sub: "user-1" });
    const reply = await ask("/", { cookie: `nb_session=${session}`, "X-NetBird-Identity": "forged" });
    const { headers } = JSON.parse(reply.body);
    const published = await ask("/.netbird/jwks.json", { accept: "text/html" });
    assert.equal(published.status, 200);
    assert.equal(published.headers["content-type"], "application/json");
    const keys = createLocalJWKSet(JSON.parse(published.body));
    const { payload, protectedHeader } = await jwtVerify(headers["x-netbird-identity"], keys, {
      issuer: `https://${HOST}`,
      audience: HOST,
      algorithms: ["EdDSA"],
    });
    assert.equal(protectedHeader.kid, JSON.parse(published.body).keys[0].kid);
    const { iat, exp, nbf, ...claims } = payload;
    assert.deepEqual(claims, {
      iss: `https://${HOST}`,
      aud: HOST,
      sub: "user-1",
      email: "ann@example.com",
      // Unlike in a plain header, every name fits.
      groups: ["Staff", "a,b\n"],
      method: "oidc",
    });
    assert.deepEqual([exp! - iat!, nbf], [300, iat]);
    assert.equal(
      Object.keys(JSON.parse(published.body).keys[0]).includes("d"),
      false,
      "only the public half",
    );
  });

  test("a session is no identity token, nor the other way round", async () => {
    const session = await sessionToken({ audience: HOST });
    const { headers } = JSON.parse((await ask("/", { cookie: `nb_session=${session}` })).body);
    const token = headers["x-netbird-identity"];
    assert.equal((await ask("/", { cookie: `nb_session=${token}` })).status, 401);
  });

  test("a service that wants none has neither token nor keys", async () => {
    const session = await sessionToken({ audience: "plain.example.test" });
    const { body } = await ask("/", { cookie: `nb_session=${session}` }, "plain.example.test");
    assert.equal(JSON.parse(body).headers["x-netbird-identity"], undefined);
    assert.equal((await ask("/.netbird/jwks.json", {}, "plain.example.test")).status, 404);
  });

  test("gives a machine a name and no address, whatever its name looks like", () => {
    const user = "token:ann@example.com";
    const token = identitySigner(identityKey, HOST).token(
      { method: "token", userId: "t1", user, groups: [] },
      1_000_000,
    );
    const claims = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString());
    assert.deepEqual([claims.name, claims.email, claims.method], [user, undefined, "token"]);
  });

  test("is the same on every proxy, signed once a minute, and another one when the caller changes", () => {
    const caller = { method: "oidc", userId: "u", user: "", groups: ["a"] } as const;
    const [one, two] = [identitySigner(identityKey, HOST), identitySigner(identityKey, HOST)];
    assert.equal(one.jwks, two.jwks);
    assert.notEqual(one.jwks, identitySigner(Buffer.alloc(32, 6), HOST).jwks);
    const first = one.token(caller, 1_000_000);
    assert.equal(one.token(caller, 1_059_000), first);
    assert.notEqual(one.token(caller, 1_061_000), first);
    assert.notEqual(one.token({ ...caller, groups: [] }, 1_061_000), one.token(caller, 1_061_000));
  });

  test("a key of another length is refused", async () => {
    const auth = authentication({ password: true, identityKey: Buffer.alloc(16) });
    const ack = await proxy.management.apply(httpService("bad", "bad.example.test", backend.url, { auth }));
    assert.equal(ack.rejections[0]?.code, "proxy.rejected");
  });
});

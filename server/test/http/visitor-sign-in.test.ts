import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { AccountId } from "@netbird-proxy/proto";
import { beginVisitorSignIn, redeemVisitorSignIn } from "../../src/commands/visitor-sign-in.ts";
import { createIdentity } from "../../src/identity/identity.ts";
import { readSession } from "../../src/secrets/session-token.ts";
import { findServiceByDomain } from "../../src/store/services.ts";
import { updateUser } from "../../src/store/users.ts";
import { Browser } from "../support/browser.ts";
import { FOREIGN_CLIENT, type ForeignProvider, startForeignProvider } from "../support/foreign-provider.ts";
import { CLUSTER, PUBLIC_URL, type RestServer, startRestServer } from "../support/rest-server.ts";

const CALLBACK = `${PUBLIC_URL}/api/reverse-proxy/callback`;
const DOMAIN = `shop.${CLUSTER}`;
const RETURN = `https://${DOMAIN}:8443/deep/link?a=b`;

suite("visitors of services who sign in at an identity provider", () => {
  let provider: ForeignProvider;
  let server: RestServer;
  let owner: string;
  setup(async () => {
    provider = await startForeignProvider(CALLBACK);
    server = await startRestServer({
      external: {
        issuer: provider.issuer,
        clientId: FOREIGN_CLIENT,
        clientSecret: "the-secret",
        audiences: [FOREIGN_CLIENT],
        userIdClaim: "sub",
        scopes: "openid profile email",
      },
    });
    server.nowMs = Date.now();
    owner = await provider.sign({ sub: "ann", email: "ann@example.com", name: "Ann" });
    await as("GET", "/users/current");
    server.account = (await server.store.db("accounts").first("id")).id as AccountId;
    await server.connectProxy();
    const made = await as("POST", "/reverse-proxies/services", {
      name: "shop",
      domain: DOMAIN,
      auth: { bearer_auth: { enabled: true, distribution_groups: [] } },
      targets: [
        {
          target_id: CLUSTER,
          target_type: "cluster",
          host: "192.0.2.10",
          port: 80,
          protocol: "http",
          enabled: true,
          options: { direct_upstream: true },
        },
      ],
      enabled: true,
    });
    assert.equal(made.status, 200, made.text);
  });
  teardown(async () => {
    await server.close();
    await provider.close();
  });

  const as = (method: string, path: string, body?: unknown) =>
    server.call(method, path, body, null, { authorization: `Bearer ${owner}` });
  const begin = async (returnUrl = RETURN, browserHash?: Uint8Array) =>
    beginVisitorSignIn(
      {
        context: server.context,
        identity: createIdentity({
          store: server.store,
          nowMs: () => server.nowMs,
          publicUrl: () => PUBLIC_URL,
          dashboardOrigins: [],
          external: {
            issuer: provider.issuer,
            clientId: FOREIGN_CLIENT,
            clientSecret: "the-secret",
            audiences: [FOREIGN_CLIENT],
            userIdClaim: "sub",
            scopes: "openid profile email",
          },
        }),
      },
      server.account,
      new URL(returnUrl),
      browserHash,
    );
  const comeBack = (url: string) => new Browser(server.app, PUBLIC_URL).go(url);

  test("come back to where they wanted to go, with a session of the service", async () => {
    const back = await provider.visit(await begin(), "ann");
    assert.ok(back.startsWith(`${CALLBACK}?`), back);
    const { url } = await comeBack(back);
    const address = new URL(url);
    assert.equal(address.origin + address.pathname, `https://${DOMAIN}:8443/deep/link`);
    assert.equal(address.searchParams.get("a"), "b");
    const service = await findServiceByDomain(server.store.db, DOMAIN);
    const token = address.searchParams.get("session_token")!;
    assert.equal(await readSession(service!, token, server.nowMs), "ann");
    assert.equal((await server.store.db("pending_sign_ins")).length, 0);
  });

  test("come back with a code for their own browser, once, where the proxy binds them to it", async () => {
    const secret = Buffer.alloc(32, 7);
    const code = async () => {
      const hash = createHash("sha256").update(secret).digest();
      const { url } = await comeBack(await provider.visit(await begin(RETURN, hash), "ann"));
      const address = new URL(url);
      assert.equal(address.origin + address.pathname, `https://${DOMAIN}:8443/.netbird/callback`);
      assert.deepEqual([...address.searchParams.keys()], ["code"]);
      return address.searchParams.get("code")!;
    };
    const redeem = (text: string, browserSecret: Uint8Array = secret, domain = DOMAIN) =>
      redeemVisitorSignIn(server.context, server.account, { domain, code: text, browserSecret });
    const good = await code();
    const redeemed = await redeem(good);
    assert.equal(redeemed?.returnUrl, RETURN);
    const service = await findServiceByDomain(server.store.db, DOMAIN);
    const subject = await readSession(service!, redeemed!.sessionToken, server.nowMs);
    assert.equal(subject, "ann");
    assert.equal(await redeem(good), undefined, "spent");
    assert.equal(await redeem(await code(), Buffer.alloc(32, 8)), undefined, "another browser");
    assert.equal(await redeem(await code(), secret, `other.${CLUSTER}`), undefined, "another service");
    const late = await code();
    server.nowMs += 60_001;
    assert.equal(await redeem(late), undefined, "too late");
    const blocked = await code();
    await updateUser(server.store.db, server.account, "ann", { isBlocked: true });
    const refused = await redeem(blocked);
    assert.equal(refused?.sessionToken, "");
    assert.match(refused!.refusal, /blocked/);
  });

  test("gRPC weakness 18: cannot come back twice, nor with a state of somebody else's making", async () => {
    const back = await provider.visit(await begin(), "ann");
    await comeBack(back);
    const again = await comeBack(back);
    assert.equal(again.status, 400);
    assert.match(again.text, /opened twice/);
    const forged = await comeBack(`${CALLBACK}?code=x&state=${"A".repeat(43)}`);
    assert.equal(forged.status, 400);
    assert.equal((await comeBack(CALLBACK)).status, 400);
  });

  test("cannot come back after ten minutes", async () => {
    const back = await provider.visit(await begin(), "ann");
    server.nowMs += 10 * 60_000 + 1;
    assert.equal((await comeBack(back)).status, 400);
  });

  test("cannot bring the code of another sign-in", async () => {
    const mine = new URL(await provider.visit(await begin(), "ann"));
    const theirs = new URL(await provider.visit(await begin(), "bob"));
    mine.searchParams.set("code", theirs.searchParams.get("code")!);
    const { status, url } = await comeBack(mine.href);
    assert.equal(status, 500, url);
  });

  test("are told when they wait for approval, are blocked, or the service is gone", async () => {
    const reason = async (user: string) => {
      const { url } = await comeBack(await provider.visit(await begin(), user));
      const { searchParams } = new URL(url);
      assert.equal(searchParams.get("session_token"), null);
      return [searchParams.get("error"), searchParams.get("error_description")];
    };
    const [error, text] = await reason("bob");
    assert.equal(error, "access_denied");
    assert.match(text!, /approval/);
    await updateUser(server.store.db, server.account, "bob", { pendingApproval: false });
    assert.match((await reason("bob"))[1]!, /blocked/);
    const back = await provider.visit(await begin(), "ann");
    const [service] = (await as("GET", "/reverse-proxies/services")).body;
    await as("DELETE", `/reverse-proxies/services/${service.id}`);
    assert.match((await comeBack(back)).url, /service\+is\+gone/);
  });

  test("see a page, not JSON, when the provider refuses or is gone", async () => {
    const state = new URL(await begin()).searchParams.get("state")!;
    const refused = await comeBack(`${CALLBACK}?error=access_denied&state=${state}`);
    assert.equal(refused.status, 500);
    assert.match(refused.text, /^<!doctype html>/);
    assert.match(String(refused.headers["content-security-policy"]), /default-src 'none'/);
    const url = await begin();
    await provider.close();
    const gone = await comeBack(`${CALLBACK}?code=x&state=${new URL(url).searchParams.get("state")}`);
    assert.equal(gone.status, 500);
  });

  test("are limited per address", async () => {
    const statuses = [];
    for (let n = 0; n < 17; n += 1) statuses.push((await comeBack(`${CALLBACK}?code=x&state=y`)).status);
    assert.deepEqual(statuses, [...Array(15).fill(400), 429, 429]);
    const other = await new Browser(server.app, PUBLIC_URL, "203.0.113.9").go(`${CALLBACK}?code=x&state=y`);
    assert.equal(other.status, 400);
  });
});

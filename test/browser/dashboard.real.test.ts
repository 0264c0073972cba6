import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { get } from "../../proxy/test/support/client.ts";
import type { ScriptedManagement } from "../../proxy/test/support/management-server.ts";
import { TestProxy, testAuthority } from "../../proxy/test/support/proxy.ts";
import { Api } from "../../scripts/stack/api.ts";
import { waitFor } from "../../scripts/stack/child.ts";
import { freePort } from "../../scripts/stack/free-port.ts";
import { issueCertificate } from "../../scripts/stack/local-ca.ts";
import { repository } from "../../scripts/stack/programs.ts";
import { type RunningApp, startApp } from "../../server/src/app.ts";
import { readConfig } from "../../server/src/config.ts";
import { directTarget } from "../../server/test/support/control-plane.ts";
import { newVisitor, startChromium } from "../support/chromium.ts";

const CLUSTER = "apps.example.net";
const OWNER = { email: "owner@example.com", name: "Olga Owner", password: "correct horse battery" };

interface Found {
  id: string;
  meta: { status: string };
}

suite("the dashboard, in Chromium", function () {
  this.timeout(60_000);
  const folder = mkdtempSync(join(tmpdir(), "dashboard-"));
  const services: Record<string, Found> = {};
  let server: RunningApp;
  let proxy: TestProxy;
  let api: Api;
  let token = "";
  let url = "";
  let browser: Browser;
  let visitor: BrowserContext;
  let page: Page;
  const complaints: string[] = [];
  const requested = new Set<string>();

  suiteSetup(async () => {
    assert.ok(
      existsSync(join(repository, "dashboard/dist/index.html")),
      "run node scripts/build.mjs dashboard",
    );
    const port = await freePort("tcp");
    url = `http://127.0.0.1:${port}`;
    server = await startApp(
      readConfig({
        NB_SERVER_STATE_DIR: folder,
        NB_SERVER_ADDRESS: `127.0.0.1:${port}`,
        NB_SERVER_PUBLIC_URL: url,
        NB_SETUP_PAT_ENABLED: "true",
      }),
      pino({ level: "silent" }),
    );
    const made = await new Api(url).call<{ personal_access_token: string }>("POST", "/setup", {
      ...OWNER,
      create_pat: true,
    });
    token = made.personal_access_token;
    api = new Api(url, token);
    const { plain_token } = await api.call<{ plain_token: string }>("POST", "/reverse-proxies/proxy-tokens", {
      name: "test",
    });
    proxy = new TestProxy({ port, stop() {} } as ScriptedManagement, {
      NB_PROXY_TOKEN: plain_token,
      NB_PROXY_DOMAIN: CLUSTER,
    });
    await proxy.writeCertificate(await issueCertificate(await testAuthority(), [`*.${CLUSTER}`]));
    await proxy.start();
    await proxy.synchronised();
    const password = { password_auth: { enabled: true, password: "open sesame" } };
    await publish("open", { port: proxy.port });
    await publish("closed", { port: proxy.port, auth: password });
    // Nobody listens on tcpmux.
    await publish("broken", { port: 1, auth: password });
    for (const [name, status] of [
      ["open", "active"],
      ["closed", "active"],
      ["broken", "error"],
    ] as const) {
      await waitFor(`${name} to be ${status}`, async () => {
        const { meta } = await api.call<Found>("GET", `/reverse-proxies/services/${services[name]!.id}`);
        return meta.status === status ? meta : undefined;
      });
    }
    browser = await startChromium();
  });
  suiteTeardown(async () => {
    await browser?.close();
    await proxy?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  setup(async () => {
    visitor = await newVisitor(browser);
    visitor.setDefaultTimeout(20_000);
    page = await visitor.newPage();
    complaints.length = 0;
    requested.clear();
    page.on("console", (message) => complaints.push(message.text()));
    page.on("request", (request) => requested.add(new URL(request.url()).origin));
  });
  teardown(() => visitor.close());

  async function publish(name: string, { port, auth = {} }: { port: number; auth?: object }): Promise<void> {
    services[name] = await api.call<Found>("POST", "/reverse-proxies/services", {
      name,
      domain: `${name}.${CLUSTER}`,
      enabled: true,
      auth,
      targets: [directTarget({ target_id: CLUSTER, port })],
    });
  }
  async function signIn(): Promise<void> {
    await page.click("button:text-is('Sign in')");
    await page.fill("input[name=email]", OWNER.email);
    await page.fill("input[name=password]", OWNER.password);
    await page.click("form button");
  }
  async function withToken(value: string): Promise<void> {
    await page.click("summary");
    await page.fill("input[name=token]", value);
    await page.click("text=Sign in with the token");
  }
  const rowOf = (name: string) => page.locator("tbody tr", { has: page.locator(`a:text-is("${name}")`) });

  test("a service that everybody reaches is shown with its warning, one that does not work comes first", async () => {
    await page.goto(url);
    await signIn();
    await page.waitForSelector("table");
    const names = await page.locator("tbody th a").allTextContents();
    assert.deepEqual(names, ["broken", "open", "closed"]);
    const open = await rowOf("open").textContent();
    assert.match(open!, /Warning: .*(everyone|anybody|everybody|without)/i);
    assert.match(open!, /active/);
    assert.match((await rowOf("broken").textContent())!, /127\.0\.0\.1:1 refused the connection/);
    assert.doesNotMatch((await rowOf("closed").textContent())!, /Warning/);
  });

  test("signing in leaves no code in the address, asks nobody else, and lasts over a reload", async () => {
    await page.goto(`${url}/services/${services.open!.id}`);
    await signIn();
    await page.waitForSelector("h1:has-text('open')");
    assert.equal(page.url(), `${url}/services/${services.open!.id}`);
    await page.reload();
    await page.waitForSelector("h1:has-text('open')");
    assert.match((await page.textContent("header"))!, /Olga Owner/);
    assert.deepEqual([...requested], [url]);
    assert.deepEqual(
      complaints.filter((text) => /Content Security Policy|error/i.test(text)),
      [],
    );
    assert.equal(await page.evaluate("document.cookie"), "");
  });

  test("signing out ends the sign-in at the identity provider too", async () => {
    await page.goto(url);
    await signIn();
    await page.waitForSelector("table");
    await page.click("text=Sign out");
    await page.waitForURL((at) => at.pathname.startsWith("/oauth2/"));
    await page.click("main button:text-is('Sign out')");
    await page.waitForURL(`${url}/`);
    await page.click("button:text-is('Sign in')");
    await page.waitForSelector("input[name=password]");
    assert.deepEqual([...requested], [url]);
    assert.deepEqual(complaints, []);
  });

  test("the page of a service names its targets as every proxy sees them, and diagnoses it", async () => {
    await page.goto(`${url}/services/${services.broken!.id}`);
    await signIn();
    await page.waitForSelector("td:has-text('unreachable')");
    assert.match((await page.textContent("table"))!, /refused the connection/);
    await page.click("text=Diagnose");
    await page.waitForSelector(".checks .problem:has-text('refused')");
  });

  test("ending all sessions asks first, and signs visitors out", async () => {
    const host = `closed.${CLUSTER}`;
    const ask = { port: proxy.port, ca: proxy.ca, host };
    const signedIn = await get({
      ...ask,
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "password=open+sesame",
    });
    const [cookie] = signedIn.headers["set-cookie"]!.map((one) => one.split(";")[0]!);
    const visit = async () => (await get({ ...ask, headers: { cookie: cookie! } })).status;
    // The target is the proxy itself, which speaks TLS; what counts is who gets that far.
    assert.notEqual(await visit(), 401);
    await page.goto(`${url}/services/${services.closed!.id}`);
    await signIn();
    await page.click("text=End all sessions");
    await page.click("text=Cancel");
    assert.notEqual(await visit(), 401);
    await page.click("text=End all sessions");
    await page.click("text=Sign all out");
    await page.waitForSelector("[role=status]:has-text('All sessions are ended')");
    await waitFor("the session to end", async () => ((await visit()) === 401 ? true : undefined));
  });

  test("what changes is shown without a reload", async () => {
    await page.goto(url);
    await withToken(token);
    await page.waitForSelector("table");
    await publish("later", { port: proxy.port });
    await page.waitForSelector("a:text-is('later')");
    await api.call("DELETE", `/reverse-proxies/services/${services.later!.id}`);
    await page.waitForSelector("a:text-is('later')", { state: "detached" });
  });

  test("an access token does instead of the sign-in; a wrong one is refused", async () => {
    await page.goto(url);
    await withToken("nbp_wrong");
    await page.waitForSelector("[role=alert]:has-text('does not accept this token')");
    await page.fill("input[name=token]", token);
    await page.click("text=Sign in with the token");
    await page.waitForSelector("table");
    await page.click("text=Sign out");
    await page.waitForSelector("text=With an access token");
    await page.reload();
    await page.waitForSelector("text=With an access token");
  });

  test("a sign-in that no longer counts leads back to the sign-in, with the reason", async () => {
    const bot = await api.call<{ id: string }>("POST", "/users", {
      name: "bot",
      role: "admin",
      auto_groups: [],
      is_service_user: true,
    });
    const made = await api.call<{ plain_token: string; personal_access_token: { id: string } }>(
      "POST",
      `/users/${bot.id}/tokens`,
      { name: "t", expires_in: 1 },
    );
    await page.goto(url);
    await withToken(made.plain_token);
    await page.waitForSelector("table");
    await api.call("DELETE", `/users/${bot.id}/tokens/${made.personal_access_token.id}`);
    await page.waitForSelector("[role=alert]:has-text('no longer accepts')");
  });

  test("filters and keyboard: everything can be reached without a mouse", async () => {
    await page.goto(url);
    await withToken(token);
    await page.waitForSelector("table");
    await page.fill("input[type=search]", "clos");
    assert.deepEqual(await page.locator("tbody th a").allTextContents(), ["closed"]);
    await page.fill("input[type=search]", "");
    await page.focus("input[type=checkbox]");
    await page.keyboard.press("Space");
    assert.deepEqual(await page.locator("tbody th a").allTextContents(), ["broken", "open"]);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForSelector("h1:has-text('broken')");
  });

  test("nobody frames it or keeps it, and what is not there is not there", async () => {
    const shown = await fetch(`${url}/services/any`);
    assert.equal(shown.status, 200);
    const policy = shown.headers.get("content-security-policy")!;
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(shown.headers.get("cache-control"), "no-cache");
    const [script] = /\/assets\/[^"]+\.js/.exec(await shown.text())!;
    const asset = await fetch(url + script);
    assert.match(asset.headers.get("cache-control")!, /immutable/);
    for (const path of ["/assets/none.js", "/assets/..%2findex.html", "/assets/", "/index.html", "/other"]) {
      const missing = await fetch(url + path);
      assert.equal(missing.status, 404, path);
      assert.equal(((await missing.json()) as { error: { code: string } }).error.code, "request.not_found");
    }
  });
});

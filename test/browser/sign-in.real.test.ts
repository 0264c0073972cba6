import assert from "node:assert/strict";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { get } from "../../proxy/test/support/client.ts";
import { newVisitor, startChromium } from "../support/chromium.ts";
import { LOGO } from "../support/logo.ts";
import { CLUSTER, SignInWorld } from "../support/sign-in-world.ts";

const PASSWORD = { password_auth: { enabled: true, password: "open sesame" } };
const PIN = { pin_auth: { enabled: true, pin: "123456" } };
const SSO = { bearer_auth: { enabled: true, distribution_groups: [] } };

suite("signing in, in Chromium", function () {
  this.timeout(60_000);
  let world: SignInWorld;
  let browser: Browser;
  let visitor: BrowserContext;
  let page: Page;

  suiteSetup(async () => {
    world = await new SignInWorld().start();
    browser = await startChromium();
    await world.service("pass", PASSWORD);
    await world.service("pin", PIN);
    await world.service("sso", SSO);
    await world.service("all", { ...PASSWORD, ...PIN, ...SSO });
    await world.service("tools", { header_auths: [{ enabled: true, header: "X-Key", value: "k-1" }] });
  });
  suiteTeardown(async () => {
    await browser?.close();
    await world?.close();
  });
  setup(async () => {
    visitor = await newVisitor(browser);
    visitor.setDefaultTimeout(10_000);
    page = await visitor.newPage();
  });
  teardown(() => visitor.close());

  const inside = (on = page) => on.waitForSelector("text=Inside");
  const password = (on: Page, value: string) => on.fill("input[name=password]", value);
  const submit = (on = page) => on.click(".panel:visible button, main > form button");

  /** On the pages of the identity provider. */
  async function atProvider(on: Page, user: string): Promise<void> {
    world.provider.people.set(user, { email: `${user}@example.com`, name: user });
    await on.waitForURL((url) => url.origin === world.provider.issuer);
    await on.fill("input[name=login]", user);
    await on.fill("input[name=password]", "any");
    await on.click("button[type=submit]");
    // Whether the user agrees is asked the first time only.
    await on.waitForURL((url) => url.origin !== world.provider.issuer || !url.href.endsWith("/login"));
    if (new URL(on.url()).origin === world.provider.issuer) await on.click("button[type=submit]");
  }

  /** What a program gets with the cookies of the browser, or with one that it kept. */
  async function statusOf(name: string, kept?: string): Promise<number> {
    const cookies = (await visitor.cookies(world.url(name))).map(
      (cookie) => `${cookie.name}=${cookie.value}`,
    );
    const { port, ca } = world.proxy;
    const cookie = kept ?? cookies.join("; ");
    return (await get({ port, ca, host: `${name}.${CLUSTER}`, headers: { cookie } })).status;
  }

  test("password: wrong, then right; the deep link keeps its query, and nothing of it is in a script's reach", async () => {
    const requested: string[] = [];
    page.on("request", (request) => requested.push(new URL(request.url()).host));
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    const deep = world.url("pass", "/deep/link?a=1&b=%C3%BC");
    assert.equal((await page.goto(deep))?.status(), 401);
    await password(page, "wrong");
    await submit();
    await page.waitForSelector("[role=alert] >> text=9 attempts left");
    assert.equal(await page.inputValue("input[name=password]"), "");
    assert.equal(page.url(), deep);
    await password(page, "open sesame");
    await submit();
    await inside();
    assert.equal(page.url(), deep);
    assert.equal(await page.textContent("h1"), "Inside /deep/link?a=1&b=%C3%BC");
    assert.equal(await page.evaluate("document.cookie"), "");
    const cookie = (await visitor.cookies()).find(({ name }) => name === "nb_session")!;
    assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite], [true, true, "Lax"]);
    assert.deepEqual([...new Set(requested)], [new URL(deep).host], "nobody else is asked for anything");
    assert.deepEqual(
      complaints.filter((text) => /Content Security Policy/i.test(text)),
      [],
    );
  });

  test("PIN: six boxes, filled by typing or pasting, wrong and then right", async () => {
    await page.goto(world.url("pin"));
    const field = page.locator("input[name=pin]");
    const boxes = await page.evaluate(`(() => {
      const input = document.querySelector("input[name=pin]");
      const scrolls = () => input.scrollWidth > input.clientWidth;
      const empty = scrolls();
      input.value = "123456";
      const full = scrolls();
      input.value = "";
      return { lines: getComputedStyle(input).backgroundImage.match(/gradient/g).length, empty, full };
    })()`);
    assert.deepEqual(boxes, { lines: 3, empty: false, full: false }, "six digits fit their boxes");
    await page.keyboard.type("000000");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=alert]");
    await field.focus();
    await page.keyboard.insertText("123456");
    await page.keyboard.press("Enter");
    await inside();
  });

  test("single sign-on: through the identity provider and back to the deep link, as somebody", async () => {
    await page.goto(world.url("sso", "/report?year=2026"));
    await atProvider(page, "ann");
    await inside();
    assert.equal(page.url(), world.url("sso", "/report?year=2026"));
    assert.match((await page.textContent("#who"))!, /^ann@example\.com in /);
    // Neither code nor session are left in the history.
    for (const _step of [1, 2]) {
      await page.goBack();
      assert.doesNotMatch(page.url(), /code=|session_token/);
    }
  });

  test("a header: the page says that it is for programs, and programs get in", async () => {
    assert.equal((await page.goto(world.url("tools")))?.status(), 401);
    await page.waitForSelector("text=Only programs may use this service");
    const program = await newVisitor(browser, { extraHTTPHeaders: { "X-Key": "k-1" } });
    assert.equal((await (await program.newPage()).goto(world.url("tools")))?.status(), 200);
    await program.close();
  });

  test("several methods are tabs: each works, and the one that was tried stays open", async () => {
    await page.goto(world.url("all", "/x?y=1"));
    assert.equal(await page.isVisible("input[name=pin]"), false);
    await page.click("label[for=by-pin]");
    assert.equal(await page.isVisible("input[name=password]"), false);
    await page.fill("input[name=pin]", "999999");
    await submit();
    await page.waitForSelector("[role=alert]");
    assert.equal(await page.isVisible("input[name=pin]"), true);
    assert.equal(await page.isChecked("#by-pin"), true);
    await page.click("label[for=by-oidc]");
    await page.click("text=Continue with single sign-on");
    await atProvider(page, "ann");
    await inside();
    assert.equal(page.url(), world.url("all", "/x?y=1"));
  });

  test("the keyboard alone is enough", async () => {
    await page.goto(world.url("all"));
    await page.keyboard.press("Shift+Tab");
    assert.equal(await page.evaluate("document.activeElement.id"), "by-password");
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate("document.activeElement.id"), "by-pin");
    await page.keyboard.press("Tab");
    await page.keyboard.type("123456");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.textContent"), "Sign in");
    await page.keyboard.press("Enter");
    await inside();
  });

  test("without JavaScript every method works", async () => {
    const plain = await newVisitor(browser, { javaScriptEnabled: false });
    plain.setDefaultTimeout(10_000);
    const ways: Record<string, (on: Page) => Promise<void>> = {
      password: async (on) => {
        await password(on, "open sesame");
        await submit(on);
      },
      pin: async (on) => {
        await on.click("label[for=by-pin]");
        await on.fill("input[name=pin]", "123456");
        await submit(on);
      },
      sso: async (on) => {
        await on.click("label[for=by-oidc]");
        await on.click("text=Continue with single sign-on");
        await atProvider(on, "ben");
      },
    };
    for (const [name, way] of Object.entries(ways)) {
      await plain.clearCookies();
      const tab = await plain.newPage();
      await tab.goto(world.url("all", `/${name}?q=1`));
      await way(tab);
      await inside(tab);
      assert.equal(tab.url(), world.url("all", `/${name}?q=1`));
      await tab.close();
    }
    await plain.close();
  });

  test("the back button neither shows the sign-in again nor sends the form a second time", async () => {
    await page.goto(world.url("pass", "/first"));
    await password(page, "open sesame");
    await submit();
    await inside();
    await page.click("text=other");
    await page.waitForURL(world.url("pass", "/other"));
    await page.goBack();
    await inside();
    assert.equal(page.url(), world.url("pass", "/first"));
    const before = world.backend.requests.filter(({ method }) => method === "POST").length;
    await page.reload();
    await inside();
    assert.equal(world.backend.requests.filter(({ method }) => method === "POST").length, before);
  });

  test("two tabs: signing in at one is signing in at both, also when both stood before the sign-in", async () => {
    const second = await visitor.newPage();
    await page.goto(world.url("pass", "/one"));
    await second.goto(world.url("pass", "/two"));
    await password(page, "open sesame");
    await submit();
    await inside();
    // The other tab still has its form.
    await password(second, "open sesame");
    await submit(second);
    await inside(second);
    assert.equal(second.url(), world.url("pass", "/two"));
  });

  test("two tabs at the identity provider at once both get where they wanted to be", async () => {
    const second = await visitor.newPage();
    await page.goto(world.url("sso", "/one"));
    await second.goto(world.url("sso", "/two"));
    await atProvider(page, "ann");
    await inside();
    assert.equal(page.url(), world.url("sso", "/one"));
    await atProvider(second, "ann");
    await inside(second);
    assert.equal(second.url(), world.url("sso", "/two"));
  });

  test("a session that ends in the middle: links lead to the sign-in and on, forms do not lead elsewhere", async () => {
    const made = await world.service("ends", PASSWORD);
    await page.goto(world.url("ends", "/start"));
    await password(page, "open sesame");
    await submit();
    await inside();
    await world.api("DELETE", `/reverse-proxies/services/${made.id}/sessions`);
    await until(async () => (await statusOf("ends")) === 401);
    const posted = page.waitForResponse((response) => response.request().method() === "POST");
    await page.click("text=Save");
    assert.equal((await posted).status(), 401, "and no redirect");
    await page.waitForSelector("text=Sign in to");
    assert.equal(world.backend.requests.filter(({ url }) => url === "/save").length, 0);
    await page.goto(world.url("ends", "/other?z=1"));
    await password(page, "open sesame");
    await submit();
    await inside();
    assert.equal(page.url(), world.url("ends", "/other?z=1"));
  });

  test("signing out takes one press, and ends the session", async () => {
    await page.goto(world.url("pass"));
    await password(page, "open sesame");
    await submit();
    await inside();
    const { value } = (await visitor.cookies()).find(({ name }) => name === "nb_session")!;
    await page.goto(world.url("pass", "/.netbird/sign-out"));
    await page.click("text=Sign out >> nth=-1");
    await page.waitForSelector("text=You are signed out");
    assert.equal((await page.goto(world.url("pass")))?.status(), 401);
    assert.equal(await statusOf("pass", `nb_session=${value}`), 401, "whoever kept the cookie is out too");
  });

  test("groups: let in, put out and let in again while signed in; a blocked user is out within five seconds", async () => {
    const group = await world.api<{ id: string }>("POST", "/groups", { name: "Staff" });
    await world.service("staff", { bearer_auth: { enabled: true, distribution_groups: [group.id] } });
    await page.goto(world.url("staff", "/desk"));
    await atProvider(page, "eve");
    await page.waitForSelector("text=You are in none of the groups");
    const eve = await world.user("eve@example.com");
    const change = (autoGroups: string[], isBlocked = false) =>
      world.api("PUT", `/users/${encodeURIComponent(eve.id)}`, {
        role: "user",
        auto_groups: autoGroups,
        is_blocked: isBlocked,
      });

    await change([group.id]);
    // The identity provider remembers her.
    await page.goto(world.url("staff", "/desk"));
    await inside();
    assert.equal(await page.textContent("#who"), "eve@example.com in Staff");

    await change([]);
    await until(async () => (await statusOf("staff")) === 401, 5_000);
    await change([group.id]);
    await page.goto(world.url("staff", "/desk"));
    await inside();
    await change([group.id], true);
    await until(async () => (await statusOf("staff")) === 401, 5_000);
    await page.goto(world.url("staff", "/desk"));
    await page.waitForSelector("text=/blocked|denied|refused/i");
  });

  test("the account's brand: name, logo and color, and nothing is refused by the policy", async () => {
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    await world.settings({ branding_name: "Example Ltd", branding_logo: LOGO, branding_color: "#2563eb" });
    await until(async () => {
      await page.goto(world.url("pass"));
      return page.isVisible("text=Example Ltd");
    }, 20_000);
    const seen = await page.evaluate<{ width: number; button: string; text: string }>(`({
      width: document.querySelector("img").naturalWidth,
      button: getComputedStyle(document.querySelector("button")).backgroundColor,
      text: getComputedStyle(document.querySelector("button")).color,
    })`);
    assert.deepEqual(seen, { width: 96, button: "rgb(37, 99, 235)", text: "rgb(255, 255, 255)" });
    assert.deepEqual(
      complaints.filter((text) => /Content Security Policy/i.test(text)),
      [],
    );
    await password(page, "open sesame");
    await submit();
    await inside();
  });

  test("the page fits a phone, follows the colour scheme, and may not be framed or kept", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const phone = await newVisitor(browser, { viewport: { width: 320, height: 568 }, colorScheme });
      const small = await phone.newPage();
      const response = (await small.goto(world.url("all")))!;
      await small.click("label[for=by-pin]");
      const seen = await small.evaluate<{ overflows: boolean; background: string }>(`({
        overflows: document.documentElement.scrollWidth > innerWidth,
        background: getComputedStyle(document.body).backgroundColor,
      })`);
      assert.equal(seen.overflows, false);
      assert.equal(seen.background, colorScheme === "light" ? "rgb(246, 247, 249)" : "rgb(20, 24, 31)");
      const headers = response.headers();
      assert.equal(headers["cache-control"], "no-store");
      assert.equal(headers["x-frame-options"], "DENY");
      await phone.close();
    }
  });
});

/** @param timeoutMs how long it may take at most */
async function until(condition: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`it was not so within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

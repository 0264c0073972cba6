import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { brand } from "../../../src/answer/branding.ts";
import { type Backend, startBackend } from "../../support/backend.ts";
import { get } from "../../support/client.ts";
import { ScriptedManagement, until } from "../../support/management-server.ts";
import { httpService } from "../../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../../support/proxy.ts";
import { authentication } from "../../support/sessions.ts";

const LOGO = "data:image/png;base64,iVBORw0KGgo=";

suite("the brand of an account", () => {
  let proxy: TestProxy;
  let backend: Backend;
  suiteSetup(async () => {
    const management = new ScriptedManagement();
    management.brandings = [
      { accountId: "account-1", name: "Müller & <Söhne>", logo: LOGO, color: "#2563eb" },
    ];
    proxy = await startTestProxy({}, management);
    backend = await startBackend();
    const auth = authentication({ password: true });
    await proxy.management.apply(
      httpService("app", "app.example.test", backend.url, { auth }),
      httpService("other", "other.example.test", backend.url, { auth, accountId: "account-2" }),
    );
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });
  const ask = (host: string) =>
    get({ port: proxy.port, ca: proxy.ca, host, headers: { accept: "text/html" } });

  test("is on its sign-in pages, and the policy lets nothing else through", async () => {
    let reply = await ask("app.example.test");
    let branded = reply.body.includes("<img");
    const watch = async () => {
      while (!branded) {
        reply = await ask("app.example.test");
        branded = reply.body.includes("<img");
      }
    };
    void watch();
    await until(() => branded, "the brand");
    const { body, headers } = reply;
    assert.match(body, /<p class="brand">Müller &#38; &#60;Söhne&#62;<\/p>/);
    assert.ok(body.includes(`<img class="logo" alt="" src="${LOGO}">`));
    const styles = [...body.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(([, text]) => text!);
    assert.equal(styles.length, 2);
    assert.match(styles[1]!, /--accent: #2563eb; --on-accent: #fff/);
    const hashes = styles.map((text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`);
    assert.equal(
      headers["content-security-policy"],
      `default-src 'none'; style-src ${hashes.join(" ")}; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    );
  });

  test("is on no other account's pages", async () => {
    const { body, headers } = await ask("other.example.test");
    assert.doesNotMatch(body, /Müller|<img/);
    assert.doesNotMatch(String(headers["content-security-policy"]), /img-src/);
  });

  test("text on a color is whichever is easier to read, and nothing but a color gets into the style", () => {
    const style = (color: string) => brand({ name: "", logo: "", color }).style;
    assert.match(style("#1d4ed8"), /--on-accent: #fff/);
    assert.match(style("#f97316"), /--on-accent: #000/);
    assert.match(
      style("#000080"),
      /^:root \{ --accent: #000080; --on-accent: #fff; \} @media .* \{ :root \{ --accent: #6666b3; --on-accent: #fff; \} \}$/,
      "navy cannot be seen on the dark page",
    );
    assert.equal(style("red; } body { display: none"), "");
    assert.equal(brand({ name: "", logo: "https://evil.example/x.png", color: "" }).logo, "");
  });
});

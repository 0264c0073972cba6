import assert from "node:assert/strict";
import { management } from "@netbird-proxy/proto/grpc";
import fc from "fast-check";
import { accessRules } from "../../../src/access/rules/access-rules.ts";
import { matchRules, type RuledRequest } from "../../../src/access/rules/match-rules.ts";
import { pathReadings } from "../../../src/access/rules/path-readings.ts";

type Sketch = Partial<management.AccessRule>;

function compile(...sketches: Sketch[]) {
  const rules = accessRules(sketches.map((one) => management.AccessRule.fromPartial(one as never)));
  assert.ok(typeof rules !== "string", String(rules));
  return rules;
}

/** The outcome for a request; "?" when it is refused as ambiguous. */
function outcome(rules: Sketch[], path: string, more: Partial<RuledRequest> = {}): string {
  const match = matchRules(compile(...rules), {
    method: "GET",
    path,
    stripped: undefined,
    headers: [],
    ...more,
  });
  return match === undefined ? "?" : (match.rule?.outcome ?? "-");
}

const allow = (pathPrefix: string, more: Sketch = {}): Sketch => ({ pathPrefix, action: "allow", ...more });
const deny = (pathPrefix: string, more: Sketch = {}): Sketch => ({ pathPrefix, action: "deny", ...more });

suite("access rules", () => {
  test("the first that matches decides: prefixes at segment boundaries, exact paths with or without a slash", () => {
    const rules = [
      deny("/api/internal"),
      allow("/api"),
      { path: "/health", action: "allow" },
      { pathPrefix: "/team/", action: "require", require: ["pin", "oidc"] },
    ];
    for (const [path, expected] of [
      ["/api", "allow"],
      ["/api/", "allow"],
      ["/api/x", "allow"],
      ["/apix", "-"],
      ["/api/internal", "deny"],
      ["/api/internal/x", "deny"],
      ["/api/internals", "allow"],
      ["/health", "allow"],
      ["/health/", "allow"],
      ["/health/x", "-"],
      ["/team", "require oidc pin"],
      ["/team/x", "require oidc pin"],
      ["/", "-"],
    ]) {
      assert.equal(outcome(rules, path!), expected, path);
    }
    const bytes = Buffer.from("/grüße/x", "utf8").toString("latin1");
    assert.equal(outcome([allow("/grüße")], bytes), "allow");
    assert.equal(outcome([allow("/grüße")], "/gr%C3%BC%c3%9fe/x"), "allow");
    assert.equal(outcome([allow("/")], "/anything"), "allow");
    assert.equal(outcome([{ path: "/", action: "deny" }], "/"), "deny");
    assert.equal(outcome([{ path: "/", action: "deny" }], "/x"), "-");
  });

  test("methods: GET has HEAD with it, and an override header counts as a second method", () => {
    const rules = [allow("/hook", { methods: ["GET", "POST"] })];
    for (const [method, expected] of [
      ["GET", "allow"],
      ["HEAD", "allow"],
      ["POST", "allow"],
      ["DELETE", "-"],
      ["OPTIONS", "-"],
    ]) {
      assert.equal(outcome(rules, "/hook", { method: method! }), expected, method);
    }
    for (const name of ["X-HTTP-Method-Override", "x-http-method", "X-Method-Override"]) {
      assert.equal(outcome(rules, "/hook", { method: "POST", headers: [name, "delete"] }), "?", name);
      assert.equal(outcome(rules, "/hook", { method: "POST", headers: [name, "get"] }), "allow", name);
    }
  });

  test("headers: opening asks for the one right value, closing for any", () => {
    const open = [allow("/hook", { headerName: "X-Token", headerValue: "gehe¡m" })];
    const right = Buffer.from("gehe¡m", "utf8").toString("latin1");
    assert.equal(outcome(open, "/hook", { headers: ["x-token", right] }), "allow");
    assert.equal(outcome(open, "/hook", { headers: ["x-token", "geheim"] }), "-");
    assert.equal(outcome(open, "/hook", { headers: ["x-token", right, "X-TOKEN", right] }), "-");
    assert.equal(outcome(open, "/hook"), "-");
    const closed = [deny("/", { headerName: "X-Env", headerValue: "prod" })];
    assert.equal(outcome(closed, "/", { headers: ["x-env", "test", "x-env", "prod"] }), "deny");
    assert.equal(outcome(closed, "/", { headers: ["x-env", "test"] }), "-");
    assert.equal(outcome([deny("/", { headerName: "X-Env" })], "/", { headers: ["x-env", ""] }), "deny");
  });

  test("what is only observed decides nothing and is told", () => {
    const rules = compile(deny("/admin", { observe: true }), allow("/"));
    const match = matchRules(rules, { method: "GET", path: "/admin/x", stripped: undefined, headers: [] });
    assert.equal(match?.rule?.outcome, "allow");
    assert.equal(match?.observed?.outcome, "deny");
    const other = matchRules(rules, { method: "GET", path: "/x", stripped: undefined, headers: [] });
    assert.equal(other?.observed, undefined);
  });

  test("a path that may be read as one under another rule is refused", () => {
    for (const path of [
      "/webhook/../admin",
      "/webhook/..",
      "/webhook/./../admin",
      "/webhook/%2e%2e/admin",
      "/webhook/%2E./admin",
      "/webhook/..%2fadmin",
      "/webhook%2f..%2fadmin",
      "/webhook%2F%2e%2e%2Fadmin",
      "/webhook/%252e%252e/admin",
      "/webhook/%25252e%25252e/admin",
      "/webhook/..%5cadmin",
      "/webhook\\..\\admin",
      "/webhook/..;/admin",
      "/webhook/..;a=b/admin",
      "/webhook/%2e%2e;/admin",
      "/webhook/..%3b/admin",
      "/webhook/%c0%ae%c0%ae/admin",
      "/webhook/..%c0%afadmin",
      "/webhook/%u002e%u002e/admin",
      "/webhook/.%00./admin",
      "/webhook/..%09/admin",
      "/webhook/.%0a./admin",
      "/webhook//../admin",
      "/webhook/x/../../admin",
      "//webhook",
      "//webhook/../admin",
      "//example.com/webhook",
      "/\\webhook",
      "/%2fwebhook",
      "/WEBHOOK",
      "/Webhook/x",
      "/webhook.",
      "/webhook%20",
      "/webhook%00.html",
      "/webhook;x/y",
    ]) {
      assert.equal(outcome([allow("/webhook")], path), "?", path);
    }
  });

  test("a closed path stays closed in every spelling", () => {
    for (const path of [
      "/admin",
      "/admin/",
      "/ADMIN",
      "//admin",
      "/x//admin/..//../admin",
      "/./admin",
      "/x/../admin",
      "/%61dmin",
      "/%2561dmin",
      "/admin%2f",
      "/admin;jsessionid=1",
      "/admin;/x",
      "/;/admin",
      "/admin%00",
      "/admin%3fx",
      "/admin%23",
      "/admin.",
      "/admin%20",
      "/admin\\x",
      "/..\\admin",
      "/%u0061dmin",
      "//example.com/admin",
      "/x/..%2fadmin",
      "/%c1%a1dmin",
    ]) {
      const found = outcome([deny("/admin")], path);
      assert.ok(found === "deny" || found === "?", `${path} is ${found}`);
    }
  });

  test("odd paths on which all rules agree pass: encoded slashes, parameters, other alphabets", () => {
    const rules = [allow("/webhook"), deny("/admin")];
    for (const [path, expected] of [
      ["/api/v4/projects/group%2Fname/repository", "-"],
      ["/shop;v=1.2/cart;id=7", "-"],
      ["/a//b", "-"],
      ["/100%25/x", "-"],
      ["/file%20name.txt", "-"],
      ["/gr%C3%BC%C3%9Fe", "-"],
      ["/100%", "-"],
      ["/webhook/group%2Fname", "allow"],
      ["/webhook/a;b=c/d", "allow"],
      ["/%77ebhook/x", "allow"],
      ["/.well-known/acme-challenge/x", "-"],
    ]) {
      assert.equal(outcome(rules, path!), expected, path);
    }
  });

  test("where the target sees only what is behind the prefix, leading out of it stays inside", () => {
    const rules = [deny("/app/admin")];
    const stripped = { prefix: "/app", rest: "/../admin" };
    assert.equal(outcome(rules, "/app/../admin", { stripped }), "?");
    assert.equal(outcome(rules, "/app/x", { stripped: { prefix: "/app", rest: "/x" } }), "-");
  });

  test("headers that name another path count as readings of it", () => {
    for (const value of ["/admin", "/x/../admin?y", "https://app.example.test/admin", "/%61dmin"]) {
      assert.equal(outcome([deny("/admin")], "/x", { headers: ["X-Original-URL", value] }), "?", value);
      assert.equal(outcome([deny("/admin")], "/x", { headers: ["x-rewrite-url", value] }), "?", value);
    }
    assert.equal(outcome([deny("/admin")], "/x", { headers: ["X-Original-URL", "/y"] }), "-");
  });

  test("a path with too many readings is refused, and none takes long or fails", () => {
    assert.equal(pathReadings(`/${"%25".repeat(2000)}`), undefined);
    assert.equal(pathReadings(`/${"%252525".repeat(60)};/..`.repeat(20)), undefined);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("/", "..", ".", ";", "%2f", "%252e", "\\", "admin", "%00", "%", " ", "é"), {
          maxLength: 40,
        }),
        (parts) => {
          const path = `/${parts.join("")}`;
          const readings = pathReadings(path);
          if (readings === undefined) return;
          for (const reading of readings) assert.ok(reading.startsWith("/"), reading);
        },
      ),
    );
  });

  test("however a closed path is disguised, it does not become an open one", () => {
    const disguise = fc.array(
      fc.constantFrom(
        (path: string) => path.replace("/", "//"),
        (path: string) => `/webhook/..${path}`,
        (path: string) => `/webhook/%2e%2e${path}`,
        (path: string) => `/webhook/..;${path}`,
        (path: string) => `/webhook/..%2f${path.slice(1)}`,
        (path: string) => path.replaceAll(".", "%2e"),
        (path: string) => path.replaceAll("%", "%25"),
        (path: string) => path.replace(/\//g, (slash, at: number) => (at > 0 ? "%2f" : slash)),
        (path: string) => path.replace(/\//g, (slash, at: number) => (at > 0 ? "\\" : slash)),
        (path: string) => `/.${path}`,
        (path: string) => `${path};x=y`,
        (path: string) => path.replace("admin", "%61dmin"),
        (path: string) => path.replace("admin", "ADMIN"),
      ),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(disguise, (steps) => {
        const path = steps.reduce((text, step) => step(text), "/admin/page");
        const found = outcome([allow("/webhook"), deny("/admin")], path);
        assert.ok(found === "deny" || found === "?", `${path} is ${found}`);
      }),
      { numRuns: 2000 },
    );
  });

  test("a rule that cannot be read refuses the mapping, one for a method nobody knows closes", () => {
    for (const bad of [
      { pathPrefix: "/x", action: "permit" },
      { action: "deny" },
      { path: "/x", pathPrefix: "/x", action: "deny" },
      { pathPrefix: "x", action: "deny" },
    ]) {
      assert.equal(
        typeof accessRules([management.AccessRule.fromPartial(bad as never)]),
        "string",
        JSON.stringify(bad),
      );
    }
    const [rule] = compile({ pathPrefix: "/", action: "require", require: ["iris-scan"] });
    assert.deepEqual([...rule!.require], ["iris-scan"]);
  });
});

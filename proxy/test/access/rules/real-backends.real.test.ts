import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { Agent } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { management } from "@netbird-proxy/proto/grpc";
import fastify from "fastify";
import { freePort } from "../../../../scripts/stack/free-port.ts";
import { get } from "../../support/client.ts";
import { httpService } from "../../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../../support/proxy.ts";
import { authentication } from "../../support/sessions.ts";

/** Ways to lead from an open path to a closed one, or to spell a path. */
const out = ["..", "%2e%2e", "%2E.", "..;", "..;x=y", "%252e%252e", "%c0%ae%c0%ae", "...", "..%00", "..%09"];
const slash = ["/", "%2f", "%2F", "%5c", "\\", "//", "/./", "%252f", "/;/"];
const names = [
  "closed",
  "CLOSED",
  "%63losed",
  "closed%20",
  "closed.",
  "closed;a=b",
  "closed%00",
  "closed%2fx",
  "closed/",
];

const corpus = [
  ...out.flatMap((up) =>
    slash.flatMap((one) => ["/", "%2f", "\\"].map((two) => `/open${one}${up}${two}closed`)),
  ),
  ...names.flatMap((name) => slash.map((one) => `${one.startsWith("/") ? "" : "/"}${one}${name}`)),
  ...names.map((name) => `/open/../${name}`),
  ...names.map((name) => `//example.com/${name}`),
  ...names.map((name) => `/open/x/../../${name}`),
  "/open/.././closed",
  "/./closed",
  "/%2e/closed",
  "/closed/../closed",
  "/closed/x/..",
  "/x/closed/..%2f..%2fclosed",
];

interface Target {
  readonly name: string;
  readonly port: number;
  stop(): unknown;
}

/** Says what it is that was opened: "the closed page", or something else. */
const CLOSED = "the closed page";

async function nginx(folder: string): Promise<Target> {
  const port = await freePort("tcp");
  mkdirSync(join(folder, "nginx"));
  const file = join(folder, "nginx.conf");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/nginx/${name};`)
    .join(" ");
  writeFileSync(
    file,
    `daemon off; master_process off; error_log stderr crit; pid ${folder}/nginx.pid;
events {}
http {
  access_log off; ${temporary}
  server {
    listen 127.0.0.1:${port};
    location /closed { return 200 "${CLOSED}"; }
    location / { return 200 "something else"; }
  }
}
`,
  );
  const child = spawn("nginx", ["-c", file, "-e", "stderr"], { stdio: "ignore" });
  return { name: "nginx", port, stop: () => ended(child) };
}

/** A folder of files, as Python serves it. */
async function python(folder: string): Promise<Target> {
  const port = await freePort("tcp");
  for (const name of ["closed", "open"]) mkdirSync(join(folder, "www", name), { recursive: true });
  writeFileSync(join(folder, "www/closed/index.html"), CLOSED);
  writeFileSync(join(folder, "www/closed/x"), CLOSED);
  writeFileSync(join(folder, "www/open/index.html"), "something else");
  const args = ["-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", join(folder, "www")];
  const child = spawn("python3", args, { stdio: "ignore" });
  return { name: "Python's http.server", port, stop: () => ended(child) };
}

/** A framework that is lenient with paths. */
async function lenientFastify(): Promise<Target> {
  const app = fastify({
    routerOptions: {
      caseSensitive: false,
      ignoreDuplicateSlashes: true,
      ignoreTrailingSlash: true,
      useSemicolonDelimiter: true,
    },
  } as never);
  for (const path of ["/closed", "/closed/*"]) app.all(path, async () => CLOSED);
  app.setNotFoundHandler(async (_request, reply) => reply.code(200).send("something else"));
  await app.listen({ host: "127.0.0.1", port: 0 });
  return { name: "Fastify", port: (app.server.address() as AddressInfo).port, stop: () => app.close() };
}

/** A Node server that makes a URL of the request line, as many do, and decodes what it finds. */
async function plainNode(): Promise<Target> {
  const server: Server = createServer((incoming, response) => {
    let path = "";
    try {
      path = decodeURIComponent(new URL(incoming.url!, "http://localhost").pathname).toLowerCase();
    } catch {
      // Not for this server.
    }
    response.end(/^\/closed(\/|$)/.test(path) ? CLOSED : "something else");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    name: "Node's URL",
    port: (server.address() as AddressInfo).port,
    stop: () => server.close(),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill();
  await gone;
}

/** What the target itself opens for a path. */
function direct(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: "127.0.0.1", port, path, headers: { host: "x" }, agent: false },
      (response) => {
        let body = "";
        response.on("data", (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on("end", () => resolve(body));
      },
    );
    call.on("error", reject).end();
  });
}

suite("access rules and how real servers read paths", () => {
  const folder = mkdtempSync(join(tmpdir(), "rules-"));
  const targets: Target[] = [];
  let proxy: TestProxy;

  suiteSetup(async () => {
    targets.push(await nginx(folder), await python(folder), await lenientFastify(), await plainNode());
    for (const { port } of targets) {
      for (let tries = 0; ; tries++) {
        if ((await direct(port, "/closed/").catch(() => "")) === CLOSED) break;
        assert.ok(tries < 200, `nothing answers on ${port}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    proxy = await startTestProxy();
    const mappings = targets.flatMap(({ port }, index) => {
      const url = `http://127.0.0.1:${port}/`;
      const rule = (one: Partial<management.AccessRule>) => [management.AccessRule.fromPartial(one as never)];
      return [
        httpService(`deny${index}`, `deny${index}.example.test`, url, {
          accessRules: rule({ pathPrefix: "/closed", action: "deny" }),
        }),
        httpService(`allow${index}`, `allow${index}.example.test`, url, {
          auth: authentication({ password: true }),
          accessRules: rule({ pathPrefix: "/open", action: "allow" }),
        }),
      ];
    });
    await proxy.management.apply(...mappings);
  });
  suiteTeardown(async () => {
    await proxy?.close();
    for (const target of targets) await target.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const [index, name] of ["nginx", "Python's http.server", "Fastify", "Node's URL"].entries()) {
    for (const rule of ["deny", "allow"]) {
      test(`${name}: no spelling leads around ${rule === "deny" ? "a closed path" : "an open path to a closed one"}`, async function () {
        this.timeout(120_000);
        const { port } = targets[index]!;
        const host = `${rule}${index}.example.test`;
        let dangerous = 0;
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        for (const path of corpus) {
          if ((await direct(port, path).catch(() => "")).includes(CLOSED)) dangerous += 1;
          const { body, status } = await get({ port: proxy.port, ca: proxy.ca, host, path, agent });
          assert.ok(!body.includes(CLOSED), `${path} opens the closed page (${status})`);
        }
        agent.destroy();
        // Without that the test would prove nothing.
        assert.ok(dangerous >= 5, `only ${dangerous} spellings lead this server to the closed page`);
      });
    }
  }
});

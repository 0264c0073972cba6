import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { type Backend, startBackend } from "../../proxy/test/support/backend.ts";
import type { ScriptedManagement } from "../../proxy/test/support/management-server.ts";
import { TestProxy, testAuthority } from "../../proxy/test/support/proxy.ts";
import { freePort } from "../../scripts/stack/free-port.ts";
import { issueCertificate } from "../../scripts/stack/local-ca.ts";
import { startApp } from "../../server/src/app.ts";
import { readConfig } from "../../server/src/config.ts";
import { directTarget } from "../../server/test/support/control-plane.ts";
import {
  FOREIGN_CLIENT,
  type ForeignProvider,
  startForeignProvider,
} from "../../server/test/support/foreign-provider.ts";

export const CLUSTER = "apps.example.net";

interface Found {
  id: string;
  [member: string]: unknown;
}

/** A real server with a real identity provider of somebody else, and a real proxy in front of a page. */
export class SignInWorld {
  readonly folder = mkdtempSync(join(tmpdir(), "sign-in-"));
  provider!: ForeignProvider;
  backend!: Backend;
  proxy!: TestProxy;
  #server!: Awaited<ReturnType<typeof startApp>>;
  #url = "";
  #owner = "";

  async start(): Promise<this> {
    const port = await freePort("tcp");
    this.#url = `http://127.0.0.1:${port}`;
    this.provider = await startForeignProvider(`${this.#url}/api/reverse-proxy/callback`);
    this.#server = await startApp(
      readConfig({
        NB_SERVER_STATE_DIR: this.folder,
        NB_SERVER_ADDRESS: `127.0.0.1:${port}`,
        NB_SERVER_PUBLIC_URL: this.#url,
        NB_SERVER_OIDC_ISSUER: this.provider.issuer,
        NB_SERVER_OIDC_CLIENT_ID: FOREIGN_CLIENT,
        NB_SERVER_OIDC_CLIENT_SECRET: "the-secret",
      }),
      pino({ level: "silent" }),
    );
    this.#owner = await this.provider.sign({ sub: "owner", email: "owner@example.com", name: "Owner" });
    // The first one who signs in owns the account; later ones need not wait for an approval.
    await this.api("GET", "/users/current");
    await this.settings({ extra: { user_approval_required: false } });
    const { plain_token: token } = await this.api<{ plain_token: string }>(
      "POST",
      "/reverse-proxies/proxy-tokens",
      {
        name: "test",
      },
    );
    this.backend = await startBackend((request, response) => {
      const user = request.headers["x-netbird-user"] ?? "nobody";
      const groups = request.headers["x-netbird-groups"] ?? "none";
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end(
        `<!doctype html><title>inside</title><h1>Inside ${request.url}</h1><p id="who">${user} in ${groups}</p>` +
          `<a href="/other">other</a><form method="post" action="/save"><button>Save</button></form>`,
      );
    });
    this.proxy = new TestProxy({ port, stop() {} } as ScriptedManagement, {
      NB_PROXY_TOKEN: token,
      NB_PROXY_DOMAIN: CLUSTER,
    });
    await this.proxy.writeCertificate(await issueCertificate(await testAuthority(), [`*.${CLUSTER}`]));
    await this.proxy.start();
    await this.proxy.synchronised();
    return this;
  }

  url(name: string, path = "/"): string {
    return `https://${name}.${CLUSTER}:${this.proxy.port}${path}`;
  }

  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.#url}/api${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#owner}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** Makes a service and waits until the proxy has it. */
  async service(name: string, auth: Record<string, unknown>): Promise<Found> {
    const made = await this.api<Found>("POST", "/reverse-proxies/services", {
      name,
      domain: `${name}.${CLUSTER}`,
      enabled: true,
      auth,
      targets: [directTarget({ target_id: CLUSTER, port: this.backend.port })],
    });
    for (let tries = 0; tries < 200; tries += 1) {
      const { meta } = await this.api<{ meta: { live_revision: number; revision: number } }>(
        "GET",
        `/reverse-proxies/services/${made.id}`,
      );
      if (meta.live_revision >= meta.revision) return made;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the proxy did not get the service ${name}`);
  }

  /** Changes some settings of the account and leaves the others as they are. */
  async settings(change: { extra?: object; [setting: string]: unknown }): Promise<void> {
    const [account] = await this.api<Found[]>("GET", "/accounts");
    const settings = account!.settings as { extra: object };
    const extra = { ...settings.extra, ...change.extra };
    await this.api("PUT", `/accounts/${account!.id}`, { settings: { ...settings, ...change, extra } });
  }

  /** The user with this address, who has signed in once. */
  async user(email: string): Promise<Found> {
    const users = await this.api<Found[]>("GET", "/users");
    const found = users.find((user) => user.email === email);
    if (found === undefined) throw new Error(`${email} is not among ${JSON.stringify(users)}`);
    return found;
  }

  async close(): Promise<void> {
    await this.proxy?.close();
    this.backend?.close();
    await this.#server?.close();
    await this.provider?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

import { get, type Reply } from "../../proxy/test/support/client.ts";
import type { ScriptedManagement } from "../../proxy/test/support/management-server.ts";
import { TestProxy, testAuthority } from "../../proxy/test/support/proxy.ts";
import { issueCertificate } from "../../scripts/stack/local-ca.ts";
import { CLUSTER, type ControlPlane } from "../../server/test/support/control-plane.ts";

export interface ClusterAsk {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  /** Sent as a sign-in form, with POST. */
  form?: string;
  cookie?: string;
}

/** Real proxies of one cluster, connected to a real server. Forwarding headers from loopback are believed. */
export class Cluster {
  readonly proxies: TestProxy[] = [];
  readonly plane: ControlPlane;

  constructor(plane: ControlPlane) {
    this.plane = plane;
  }

  async start(count: number, env: Record<string, string> = {}): Promise<this> {
    const management = { port: Number(this.plane.target.split(":")[1]), stop() {} } as ScriptedManagement;
    const pair = await issueCertificate(await testAuthority(), [`*.${CLUSTER}`]);
    for (let n = 0; n < count; n += 1) {
      const proxy = new TestProxy(management, {
        NB_PROXY_TOKEN: await this.plane.token(),
        NB_PROXY_DOMAIN: CLUSTER,
        NB_PROXY_TRUSTED_PROXIES: "127.0.0.1",
        ...env,
      });
      await proxy.writeCertificate(pair);
      this.proxies.push(proxy);
      await proxy.start();
      await proxy.synchronised();
    }
    return this;
  }

  async ask(proxy: TestProxy, name: string, { form, cookie, ...ask }: ClusterAsk = {}): Promise<Reply> {
    return get({
      port: proxy.port,
      ca: (await testAuthority()).certificate,
      host: `${name}.${CLUSTER}`,
      ...(form === undefined ? {} : { method: "POST", body: form }),
      ...ask,
      headers: {
        ...(cookie === undefined ? {} : { cookie }),
        ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
        ...ask.headers,
      },
    });
  }

  /** Signs in and waits for the service to arrive at the proxy first. @returns the Cookie header of the session */
  async signIn(proxy: TestProxy, name: string, form: string): Promise<string> {
    for (let tries = 0; tries < 100; tries += 1) {
      const answer = await this.ask(proxy, name, { form });
      if (answer.status === 303) return answer.headers["set-cookie"]![0]!.split(";")[0]!;
      if (answer.status !== 404) throw new Error(`${answer.status} ${answer.body}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the service ${name} did not arrive`);
  }

  /** What every proxy answers. */
  statuses(name: string, ask: ClusterAsk = {}): Promise<number[]> {
    return Promise.all(this.proxies.map(async (proxy) => (await this.ask(proxy, name, ask)).status));
  }

  async close(): Promise<void> {
    for (const proxy of this.proxies.splice(0)) await proxy.close();
  }
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Api } from "../../scripts/stack/api.ts";
import { type Child, waitFor } from "../../scripts/stack/child.ts";
import { freePort } from "../../scripts/stack/free-port.ts";
import { createAuthority, issueCertificate, type PemPair } from "../../scripts/stack/local-ca.ts";
import { startAgent, startProxy, startServer } from "../../scripts/stack/programs.ts";

export interface ServiceBody {
  id: string;
  name: string;
  domain: string;
  enabled: boolean;
  targets: { path?: string; port: number; target_id: string; [key: string]: unknown }[];
  meta: {
    status: string;
    status_reason?: { code: string; message: string; hint: string };
    revision?: number;
    live_revision?: number;
  };
  [key: string]: unknown;
}

/** Server, proxy and agent as processes on loopback, in a folder of their own. */
export class Stack {
  readonly folder = mkdtempSync(join(tmpdir(), "netbird-proxy-stack-"));
  readonly domain = "proxy.localhost";
  readonly peerName = "web1";
  api!: Api;
  ca!: PemPair;
  server!: Child;
  proxy!: Child;
  agent!: Child;
  peerId = "";
  httpsPort = 0;
  healthPort = 0;
  #managementPort = 0;
  #wireguardPort = 0;
  #proxyToken = "";
  #setupKey = "";

  get managementUrl(): string {
    return `http://127.0.0.1:${this.#managementPort}`;
  }

  url(host: string, path = "/"): string {
    return `https://${host}:${this.httpsPort}${path}`;
  }

  startServer(): void {
    this.server = startServer({
      port: this.#managementPort,
      stateDir: join(this.folder, "server"),
      logFile: join(this.folder, "server.log"),
    });
  }

  startProxy(): void {
    this.proxy = startProxy({
      domain: this.domain,
      managementUrl: this.managementUrl,
      token: this.#proxyToken,
      httpsPort: this.httpsPort,
      healthPort: this.healthPort,
      wireguardPort: this.#wireguardPort,
      stateDir: join(this.folder, "proxy"),
      certificateDir: join(this.folder),
      logFile: join(this.folder, "proxy.log"),
    });
  }

  startAgent(): void {
    this.agent = startAgent({
      name: this.peerName,
      managementUrl: this.managementUrl,
      setupKey: this.#setupKey,
      stateDir: join(this.folder, "agent"),
      logFile: join(this.folder, "agent.log"),
    });
  }

  async start(): Promise<void> {
    this.#managementPort = await freePort("tcp");
    this.httpsPort = await freePort("tcp");
    this.healthPort = await freePort("tcp");
    this.#wireguardPort = await freePort("udp");
    this.ca = await createAuthority("test CA");
    const leaf = await issueCertificate(this.ca, [`*.${this.domain}`, this.domain]);
    writeFileSync(join(this.folder, "tls.crt"), leaf.certificate);
    writeFileSync(join(this.folder, "tls.key"), leaf.key);

    this.startServer();
    const anonymous = new Api(this.managementUrl);
    await waitFor("the server", () => {
      this.server.assertRunning();
      return anonymous.call("GET", "/instance");
    });
    const setup = await anonymous.call<{ personal_access_token: string }>("POST", "/setup", {
      email: "owner@example.com",
      name: "Owner",
      password: "correct horse 1",
      create_pat: true,
      pat_expire_in: 1,
    });
    this.api = new Api(this.managementUrl, setup.personal_access_token);
    const proxyToken = await this.api.call<{ plain_token: string }>("POST", "/reverse-proxies/proxy-tokens", {
      name: "test",
    });
    this.#proxyToken = proxyToken.plain_token;
    this.startProxy();
    await waitFor("the cluster", async () => {
      this.proxy.assertRunning();
      const clusters = await this.api.call<{ online: boolean }[]>("GET", "/reverse-proxies/clusters");
      return clusters.find((cluster) => cluster.online);
    });
    const key = await this.api.call<{ key: string }>("POST", "/setup-keys", {
      name: "test",
      type: "reusable",
      expires_in: 3600,
      auto_groups: [],
      usage_limit: 0,
    });
    this.#setupKey = key.key;
    this.startAgent();
    const peer = await waitFor("the agent", async () => {
      this.agent.assertRunning();
      const peers = await this.api.call<{ id: string; name: string; connected: boolean }[]>("GET", "/peers");
      return peers.find((candidate) => candidate.name === this.peerName && candidate.connected);
    });
    this.peerId = peer.id;
  }

  /** Logs of all three, for a failure that needs them. */
  logs(): string {
    return ["server", "proxy", "agent"]
      .map(
        (name) =>
          `--- ${name}\n${readFileSync(join(this.folder, `${name}.log`), "utf8")
            .split("\n")
            .slice(-40)
            .join("\n")}`,
      )
      .join("\n");
  }

  async stop(): Promise<void> {
    for (const child of [this.agent, this.proxy, this.server]) await child?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async createService(body: Record<string, unknown>): Promise<ServiceBody> {
    return this.api.call<ServiceBody>("POST", "/reverse-proxies/services", {
      mode: "http",
      enabled: true,
      ...body,
    });
  }

  service(id: string): Promise<ServiceBody> {
    return this.api.call<ServiceBody>("GET", `/reverse-proxies/services/${id}`);
  }

  peerTarget(port: number, path = "/"): Record<string, unknown> {
    return { target_id: this.peerId, target_type: "peer", protocol: "http", port, path, enabled: true };
  }

  /** Waits for a state of a service; the failure says which state and reason it had instead. */
  async waitForState(id: string, state: string, timeoutMs = 20_000): Promise<ServiceBody> {
    let seen = "";
    try {
      return await waitFor(
        `service to be ${state}`,
        async () => {
          const service = await this.service(id);
          seen = `${service.meta.status} ${JSON.stringify(service.meta.status_reason ?? {})}`;
          const live = (service.meta.live_revision ?? 0) >= (service.meta.revision ?? 0);
          return service.meta.status === state && (state !== "active" || live) ? service : undefined;
        },
        { timeoutMs },
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}; last seen: ${seen}\n${this.logs()}`);
    }
  }
}

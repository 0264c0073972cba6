import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DestinationStream } from "pino";
import { createAuthority, issueCertificate, type PemPair } from "../../../scripts/stack/local-ca.ts";
import { type App, startApp } from "../../src/app.ts";
import type { AcmeTimes } from "../../src/cert/acme/start-acme.ts";
import { readConfig } from "../../src/config.ts";
import { createLogger } from "../../src/observe/log.ts";
import { ScriptedManagement, until } from "./management-server.ts";

let authority: PemPair | undefined;

/** One certificate authority for the whole test run. */
export async function testAuthority(): Promise<PemPair> {
  authority ??= await createAuthority("proxy tests");
  return authority;
}

let wildcard: PemPair | undefined;
/** For `*.example.test` and `example.test`. */
export async function testCertificate(): Promise<PemPair> {
  wildcard ??= await issueCertificate(await testAuthority(), ["*.example.test", "example.test"]);
  return wildcard;
}

/** A running proxy with its management server, folders and log. */
export class TestProxy {
  readonly folder: string;
  readonly management: ScriptedManagement;
  readonly logLines: Record<string, unknown>[] = [];
  readonly #env: Record<string, string>;
  #app: App | undefined;
  ca = "";
  /** To be set before the start. */
  acmeTimes: AcmeTimes | undefined;
  crowdsecIntervalMs: number | undefined;

  constructor(management: ScriptedManagement, env: Record<string, string>) {
    this.folder = mkdtempSync(join(tmpdir(), "proxy-test-"));
    this.management = management;
    this.#env = env;
  }

  get app(): App {
    return this.#app!;
  }

  get running(): boolean {
    return this.#app !== undefined;
  }

  get port(): number {
    return this.app.listening.port;
  }

  get certificateDirectory(): string {
    return join(this.folder, "certs");
  }

  get stateDirectory(): string {
    return join(this.folder, "state");
  }

  async writeCertificate(pair: PemPair): Promise<void> {
    mkdirSync(this.certificateDirectory, { recursive: true });
    writeFileSync(join(this.certificateDirectory, "tls.crt"), pair.certificate);
    writeFileSync(join(this.certificateDirectory, "tls.key"), pair.key);
  }

  async start(): Promise<this> {
    this.ca = (await testAuthority()).certificate;
    const config = readConfig({
      NB_PROXY_TOKEN: "nbx_test",
      NB_PROXY_DOMAIN: "example.test",
      NB_PROXY_MANAGEMENT_ADDRESS: `http://127.0.0.1:${this.management.port}`,
      NB_PROXY_ALLOW_INSECURE: "true",
      NB_PROXY_ADDRESS: "127.0.0.1:0",
      NB_PROXY_PUBLIC_PORT: "443",
      NB_PROXY_HEALTH_ADDRESS: "127.0.0.1:0",
      NB_PROXY_WG_PORT: "0",
      NB_PROXY_CERTIFICATE_DIRECTORY: this.certificateDirectory,
      NB_PROXY_STATE_DIR: this.stateDirectory,
      NB_PROXY_SHUTDOWN_TIMEOUT: "2s",
      ...this.#env,
    });
    const sink: DestinationStream = {
      write: (line) => {
        this.logLines.push(JSON.parse(line));
      },
    };
    this.#app = await startApp(config, createLogger("debug", sink), {
      ...(this.acmeTimes ? { acmeTimes: this.acmeTimes } : {}),
      ...(this.crowdsecIntervalMs ? { crowdsecIntervalMs: this.crowdsecIntervalMs } : {}),
    });
    return this;
  }

  async synchronised(): Promise<this> {
    await until(() => this.app.control.initialSyncComplete, "the first synchronisation");
    return this;
  }

  async stop(): Promise<void> {
    await this.#app?.stop();
    this.#app = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    this.management.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A log line with this message, newest first. */
  logged(message: string): Record<string, unknown> | undefined {
    return this.logLines.findLast(({ msg }) => msg === message);
  }
}

/** Starts a proxy that is connected and has an empty configuration. */
export async function startTestProxy(
  env: Record<string, string> = {},
  management = new ScriptedManagement(),
  { crowdsecIntervalMs }: { crowdsecIntervalMs?: number } = {},
): Promise<TestProxy> {
  if (management.port === 0) await management.start();
  const proxy = new TestProxy(management, env);
  proxy.crowdsecIntervalMs = crowdsecIntervalMs;
  await proxy.writeCertificate(await testCertificate());
  await proxy.start();
  return proxy.synchronised();
}

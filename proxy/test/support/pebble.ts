import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../scripts/stack/free-port.ts";
import { issueCertificate } from "../../../scripts/stack/local-ca.ts";
import { testAuthority } from "./proxy.ts";

export interface PebbleOptions {
  /** Where the authority connects for tls-alpn-01 and http-01. */
  tlsPort?: number;
  httpPort?: number;
  validitySeconds?: number;
  /** Percent of good nonces that are refused. */
  nonceRejectPercent?: number;
  eab?: Record<string, string>;
  /** `address:port`; its own, which knows every name, when undefined. */
  dnsServer?: string;
}

/** Debian's pebble with pebble-challtestsrv as its DNS: a certificate authority that validates for real. */
export class Pebble {
  readonly folder = mkdtempSync(join(tmpdir(), "pebble-"));
  readonly #options: PebbleOptions;
  #processes: ChildProcess[] = [];
  #port = 0;
  #managementPort = 0;
  #dnsPort = 0;
  #dnsManagementPort = 0;
  log = "";

  constructor(options: PebbleOptions) {
    this.#options = options;
  }

  get directoryUrl(): string {
    return `https://localhost:${this.#port}/dir`;
  }

  /** Trusts the authority's own HTTPS. */
  get caFile(): string {
    return join(this.folder, "ca.pem");
  }

  async start(): Promise<this> {
    for (let attempts = 1; ; attempts++) {
      const isFirst = this.#port === 0;
      if (isFirst) await this.#prepare();
      if (await this.#run()) return this;
      this.stop();
      // Between choosing a port and listening on it, somebody else may have got it.
      if (!isFirst || attempts === 3) {
        throw new Error(`pebble does not start (apt-get install pebble):\n${this.log}`);
      }
      this.#port = 0;
    }
  }

  async #prepare(): Promise<void> {
    this.#port = await freePort("tcp");
    this.#managementPort = await freePort("tcp");
    this.#dnsPort = await freePort("tcp");
    this.#dnsManagementPort = await freePort("tcp");
    const pair = await issueCertificate(await testAuthority(), ["localhost"]);
    writeFileSync(join(this.folder, "tls.crt"), pair.certificate);
    writeFileSync(join(this.folder, "tls.key"), pair.key);
    writeFileSync(this.caFile, (await testAuthority()).certificate);
    const { tlsPort = 1, httpPort = 1, validitySeconds, eab } = this.#options;
    const pebble = {
      listenAddress: `127.0.0.1:${this.#port}`,
      managementListenAddress: `127.0.0.1:${this.#managementPort}`,
      certificate: join(this.folder, "tls.crt"),
      privateKey: join(this.folder, "tls.key"),
      tlsPort,
      httpPort,
      ocspResponderURL: "",
      externalAccountBindingRequired: eab !== undefined,
      ...(eab === undefined ? {} : { externalAccountMACKeys: eab }),
      ...(validitySeconds === undefined ? {} : { certificateValidityPeriod: validitySeconds }),
    };
    writeFileSync(join(this.folder, "config.json"), JSON.stringify({ pebble }));
  }

  /** @returns whether the authority answers */
  async #run(): Promise<boolean> {
    const off = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""];
    const dns = [
      "-dns01",
      `127.0.0.1:${this.#dnsPort}`,
      "-management",
      `127.0.0.1:${this.#dnsManagementPort}`,
    ];
    this.#spawn("pebble-challtestsrv", [...dns, ...off, "-defaultIPv4", "127.0.0.1"]);
    const { nonceRejectPercent = 5, dnsServer = `127.0.0.1:${this.#dnsPort}` } = this.#options;
    this.#spawn("pebble", ["-config", join(this.folder, "config.json"), "-dnsserver", dnsServer], {
      PEBBLE_VA_NOSLEEP: "1",
      PEBBLE_WFE_NONCEREJECT: String(nonceRejectPercent),
      PEBBLE_AUTHZREUSE: "0",
    });
    for (let tries = 0; tries < 400; tries++) {
      if (this.#processes.some(({ exitCode, pid }) => exitCode !== null || pid === undefined)) return false;
      if (await this.roots().catch(() => undefined)) return true;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return false;
  }

  /** The root that its certificates end at; another one after every start. */
  async roots(): Promise<string> {
    const ca = (await testAuthority()).certificate;
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host: "127.0.0.1",
          servername: "localhost",
          port: this.#managementPort,
          path: "/roots/0",
          ca,
          agent: false,
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (chunk) => {
            text += chunk;
          });
          response.on("end", () => resolve(text));
        },
      );
      call.on("error", reject).end();
    });
  }

  /** Lets a name point elsewhere; no addresses: it does not exist. */
  async point(name: string, addresses: string[]): Promise<void> {
    const post = (path: string, body: object) =>
      fetch(`http://127.0.0.1:${this.#dnsManagementPort}/${path}`, {
        method: "POST",
        body: JSON.stringify(body),
      });
    await post("clear-a", { host: `${name}.` });
    if (addresses.length > 0) await post("add-a", { host: `${name}.`, addresses });
  }

  /** How many orders were made. */
  get orders(): number {
    return this.log.match(/ Added order /g)?.length ?? 0;
  }

  /** Ends the authority; `start` brings it back, without memory. */
  stop(): void {
    for (const child of this.#processes) child.kill("SIGKILL");
    this.#processes = [];
  }

  close(): void {
    this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(program: string, args: string[], env: Record<string, string> = {}): void {
    const child = spawn(program, args, { env: { ...process.env, ...env } });
    const keep = (chunk: Buffer) => {
      this.log += chunk.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => keep(Buffer.from(`${program}: ${error.message}\n`)));
    this.#processes.push(child);
  }
}

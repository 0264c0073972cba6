import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../scripts/stack/free-port.ts";
import type { TsigAlgorithm } from "../../src/dns/challenge/tsig.ts";

const NAMED = "/usr/sbin/named";

/** A zone that keys may update, or that nobody may. */
export interface BindZone {
  name: string;
  /** Lines of the zone file, such as `www A 127.0.0.1`. */
  records?: string[];
  locked?: boolean;
}

/** Debian's bind9 on loopback, with zones that take signed dynamic updates. */
export class Bind9 {
  readonly folder = mkdtempSync(join(tmpdir(), "bind9-"));
  /** By algorithm; all may change TXT records. */
  readonly keys: Record<TsigAlgorithm, { name: string; secret: string }> = {
    "hmac-sha256": { name: "acme-256", secret: randomBytes(32).toString("base64") },
    "hmac-sha384": { name: "acme-384", secret: randomBytes(48).toString("base64") },
    "hmac-sha512": { name: "acme-512", secret: randomBytes(64).toString("base64") },
  };
  port = 0;
  log = "";
  #process: ChildProcess | undefined;

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(zones: BindZone[]): Promise<this> {
    this.port = await freePort("tcp");
    const keys = Object.entries(this.keys).map(
      ([algorithm, { name, secret }]) => `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };`,
    );
    const grants = Object.values(this.keys).map(({ name }) => `grant ${name} zonesub TXT;`);
    const blocks = zones.map(({ name, records = [], locked }) => {
      const file = join(this.folder, `${name}.zone`);
      writeFileSync(
        file,
        [
          "$TTL 60",
          `@ SOA ns.${name}. admin.${name}. 1 3600 600 86400 60`,
          `@ NS ns.${name}.`,
          // Nobody answers there: the check of all name servers has nobody to ask.
          "ns A 127.0.0.99",
          ...records,
          "",
        ].join("\n"),
      );
      const policy = locked ? "" : `update-policy { ${grants.join(" ")} };`;
      return `zone "${name}" { type primary; file "${file}"; ${policy} };`;
    });
    writeFileSync(
      join(this.folder, "named.conf"),
      [
        ...keys,
        `options { directory "${this.folder}"; pid-file none; session-keyfile none;`,
        // An authority asks a resolver, which follows a CNAME from one zone into another.
        "  recursion yes; allow-recursion { 127.0.0.1; };",
        `  listen-on port ${this.port} { 127.0.0.1; }; listen-on-v6 { none; }; dnssec-validation no; };`,
        "controls { };",
        ...blocks,
        "",
      ].join("\n"),
    );
    const child = spawn(NAMED, ["-g", "-n", "1", "-c", join(this.folder, "named.conf")]);
    this.#process = child;
    const keep = (chunk: Buffer) => {
      this.log += chunk.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => keep(Buffer.from(`${error.message}\n`)));
    for (let tries = 0; tries < 200; tries++) {
      if (this.log.includes(" running\n")) return this;
      if (child.exitCode !== null || child.pid === undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`bind9 does not start (apt-get install bind9):\n${this.log}`);
  }

  /** The TXT records that it has for a name. */
  async txt(name: string): Promise<string[]> {
    const resolver = new Resolver({ timeout: 2000, tries: 2 });
    resolver.setServers([this.address]);
    return resolver.resolveTxt(name).then(
      (records) => records.map((parts) => parts.join("")).sort(),
      () => [],
    );
  }

  /** Stops answering, as a machine that hangs does. */
  pause(): void {
    this.#process?.kill("SIGSTOP");
  }

  resume(): void {
    this.#process?.kill("SIGCONT");
  }

  close(): void {
    this.#process?.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Key } from "../../src/api.ts";
import { generatePrivateKey } from "../../src/edge/generate-private-key.ts";
import { keyToBase64, publicKeyOf } from "../../src/noise/keys.ts";

const START_TIMEOUT_MS = 10_000;

/**
 * A network namespace with wireguard-go and the Linux TCP/IP stack in it, reachable over a veth pair. Needs root,
 * /dev/net/tun and Debian's `wireguard-go`, `wireguard-tools` and `iproute2`.
 */
export class WireguardNamespace {
  readonly name: string;
  /** wireguard-go's socket lies in the file system, which namespaces share: interface names must differ. */
  readonly device: string;
  readonly hostAddress: string;
  readonly peerAddress: string;
  readonly port = 51_820;
  readonly privateKey: Key = generatePrivateKey();
  readonly publicKey: Key = publicKeyOf(this.privateKey);
  readonly #hostLink: string;
  readonly #scratch = mkdtempSync(join(tmpdir(), "tunnel-ns-"));
  readonly #children: ChildProcess[] = [];

  constructor() {
    const id = `${process.pid.toString(36)}${(serial++).toString(36)}`;
    this.name = `nbt-${id}`;
    this.device = `wg${id}`;
    this.#hostLink = `nbh${id}`;
    // 198.18.0.0/15 is set aside for tests between devices (RFC 2544); the process id keeps parallel runs apart.
    const subnet = `198.${18 + (process.pid & 1)}.${(process.pid >> 1) & 0xff}`;
    this.hostAddress = `${subnet}.${serial * 4 + 1}`;
    this.peerAddress = `${subnet}.${serial * 4 + 2}`;
  }

  /** @param addresses overlay addresses of the namespace with prefix length */
  async up(addresses: readonly string[]): Promise<void> {
    run("ip", "netns", "add", this.name);
    run("ip", "link", "add", this.#hostLink, "type", "veth", "peer", "name", "veth0", "netns", this.name);
    run("ip", "addr", "add", `${this.hostAddress}/30`, "dev", this.#hostLink);
    run("ip", "link", "set", this.#hostLink, "up");
    this.inside("ip", "addr", "add", `${this.peerAddress}/30`, "dev", "veth0");
    this.inside("ip", "link", "set", "veth0", "up");
    this.inside("ip", "link", "set", "lo", "up");
    this.spawn("wireguard-go", ["-f", this.device]);
    await this.#waitForDevice();
    const keyFile = join(this.#scratch, "key");
    writeFileSync(keyFile, keyToBase64(this.privateKey), { mode: 0o600 });
    // Key and port in one call, peers in another: version 0.0.20220316 crashes on all at once.
    this.inside("wg", "set", this.device, "private-key", keyFile, "listen-port", String(this.port));
    for (const address of addresses) this.inside("ip", "addr", "add", address, "dev", this.device);
    this.inside("ip", "link", "set", this.device, "up");
  }

  async #waitForDevice(): Promise<void> {
    const endMs = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        this.inside("wg", "show", this.device);
        return;
      } catch (error) {
        if (Date.now() > endMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  setPeer(
    publicKey: Key,
    allowedIps: string,
    options: { endpoint?: string; presharedKey?: Key; keepalive?: number } = {},
  ): void {
    const args = ["peer", keyToBase64(publicKey), "allowed-ips", allowedIps];
    if (options.endpoint !== undefined) args.push("endpoint", options.endpoint);
    if (options.keepalive !== undefined) args.push("persistent-keepalive", String(options.keepalive));
    if (options.presharedKey !== undefined) {
      const file = join(this.#scratch, "psk");
      writeFileSync(file, keyToBase64(options.presharedKey), { mode: 0o600 });
      args.push("preshared-key", file);
    }
    this.inside("wg", "set", this.device, ...args);
  }

  /** Runs a command in the namespace. @returns its output */
  inside(program: string, ...args: string[]): string {
    return run("ip", "netns", "exec", this.name, program, ...args);
  }

  /** Starts a long-running command in the namespace; `down` ends it. */
  spawn(program: string, args: readonly string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", this.name, program, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#children.push(child);
    return child;
  }

  /** Removes everything, also after a failed `up`. */
  async down(): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
        await gone;
        clearTimeout(timer);
      }),
    );
    for (const args of [
      ["link", "del", this.#hostLink],
      ["netns", "del", this.name],
    ]) {
      try {
        run("ip", ...args);
      } catch {
        // `up` did not get that far.
      }
    }
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}
let serial = 0;

function run(program: string, ...args: string[]): string {
  try {
    return execFileSync(program, args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    if (code === "ENOENT") {
      throw new Error(`${program} is missing: apt-get install wireguard-go wireguard-tools iproute2`);
    }
    throw new Error(`${program} ${args.join(" ")}: ${stderr ?? String(error)}`);
  }
}

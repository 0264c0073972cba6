import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createTunnel,
  type Device,
  generatePrivateKey,
  type Key,
  keyFromBase64,
  keyToBase64,
  publicKeyOf,
  type Tunnel,
} from "@netbird-proxy/tunnel";

export const FAR_OVERLAY = "10.210.0.9";
const NEAR_LINK = "198.19.77.1";
const FAR_LINK = "198.19.77.2";
const KERNEL_OVERLAY = "10.210.0.1";
const OUR_OVERLAY = "10.210.0.2";
const PORT = 51_820;

/** The value behind `--name`, or `fallback`. */
export function option(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1]!;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/**
 * Two namespaces joined by a veth pair. The far one always runs wireguard-go. The near one has either wireguard-go too, or
 * a Node process with our tunnel. Needs root, /dev/net/tun, wireguard-go, wireguard-tools and iproute2.
 */
export class BenchWorld {
  readonly #id = process.pid.toString(36);
  readonly near = `nbn-${this.#id}`;
  readonly far = `nbf-${this.#id}`;
  readonly #kernelKey = generatePrivateKey();
  readonly #ourKey = generatePrivateKey();
  readonly #farKey = generatePrivateKey();
  readonly #scratch = mkdtempSync(join(tmpdir(), "tunnel-bench-"));
  readonly #children: ChildProcess[] = [];

  async up(): Promise<void> {
    const { near, far } = this;
    run("ip", "netns", "add", near);
    run("ip", "netns", "add", far);
    run("ip", "link", "add", "veth0", "netns", near, "type", "veth", "peer", "name", "veth0", "netns", far);
    for (const [namespace, address] of [
      [near, NEAR_LINK],
      [far, FAR_LINK],
    ] as const) {
      this.inside(namespace, "ip", "addr", "add", `${address}/30`, "dev", "veth0");
      this.inside(namespace, "ip", "link", "set", "veth0", "up");
      this.inside(namespace, "ip", "link", "set", "lo", "up");
    }
    const device = `wgf${this.#id}`;
    await this.#wireguardGo(far, device, this.#farKey, FAR_OVERLAY);
    for (const [key, overlay] of [
      [this.#kernelKey, KERNEL_OVERLAY],
      [this.#ourKey, OUR_OVERLAY],
    ] as const) {
      this.inside(
        far,
        "wg",
        "set",
        device,
        "peer",
        keyToBase64(publicKeyOf(key)),
        "allowed-ips",
        `${overlay}/32`,
      );
    }
  }

  /** Gives the near namespace a wireguard-go of its own for the duration of `use`. */
  async withNearWireguardGo<T>(use: () => Promise<T>): Promise<T> {
    const device = `wgn${this.#id}`;
    const child = await this.#wireguardGo(this.near, device, this.#kernelKey, KERNEL_OVERLAY);
    const peer = ["peer", keyToBase64(publicKeyOf(this.#farKey)), "allowed-ips", `${FAR_OVERLAY}/32`];
    this.inside(this.near, "wg", "set", device, ...peer, "endpoint", `${FAR_LINK}:${PORT}`);
    try {
      return await use();
    } finally {
      await stop(child);
    }
  }

  async #wireguardGo(namespace: string, device: string, key: Key, overlay: string): Promise<ChildProcess> {
    const child = this.start(namespace, "wireguard-go", "-f", device);
    for (let tries = 0; ; tries += 1) {
      try {
        execFileSync("ip", ["netns", "exec", namespace, "wg", "show", device], { stdio: "ignore" });
        break;
      } catch (error) {
        if (tries > 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    const file = join(this.#scratch, device);
    writeFileSync(file, keyToBase64(key), { mode: 0o600 });
    this.inside(namespace, "wg", "set", device, "private-key", file, "listen-port", String(PORT));
    this.inside(namespace, "ip", "addr", "add", `${overlay}/24`, "dev", device);
    this.inside(namespace, "ip", "link", "set", device, "up");
    return child;
  }

  inside(namespace: string, ...command: string[]): string {
    return run("ip", "netns", "exec", namespace, ...command);
  }

  /** Starts something that runs until `down`. */
  start(namespace: string, ...command: string[]): ChildProcess {
    const child = spawn("ip", ["netns", "exec", namespace, ...command], { stdio: "ignore" });
    this.#children.push(child);
    return child;
  }

  /** Runs `script` with Node in the near namespace. @returns the JSON it prints */
  async runNear(script: string, args: readonly string[]): Promise<unknown> {
    const profile = process.argv.includes("--profile")
      ? ["--cpu-prof", `--cpu-prof-dir=${option("profile", "")}`]
      : [];
    const command = [process.execPath, ...profile, "--import", import.meta.resolve("tsx"), script, ...args];
    const child = spawn("ip", ["netns", "exec", this.near, ...command], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#children.push(child);
    let text = "";
    child.stdout!.on("data", (piece: Buffer) => {
      text += piece.toString();
    });
    await once(child, "close");
    return JSON.parse(text);
  }

  /** Arguments from which {@link openNearTunnel} in a near process makes its device. */
  tunnelArguments(): string[] {
    return ["--key", keyToBase64(this.#ourKey), "--peer", keyToBase64(publicKeyOf(this.#farKey))];
  }

  async down(): Promise<void> {
    for (const child of this.#children) await stop(child);
    for (const namespace of [this.near, this.far]) {
      try {
        run("ip", "netns", "del", namespace);
      } catch {
        // `up` did not get that far.
      }
    }
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}

/** In a near process: our tunnel, with a session to the far side already up. */
export async function openNearTunnel(): Promise<{ tunnel: Tunnel; device: Device }> {
  const tunnel = await createTunnel({ bindAddresses: [NEAR_LINK] });
  const device = tunnel.addDevice({
    privateKey: keyFromBase64(option("key", ""))!,
    addresses: [OUR_OVERLAY],
  });
  device.setPeer({
    publicKey: keyFromBase64(option("peer", ""))!,
    allowedIps: [`${FAR_OVERLAY}/32`],
    endpoint: `${FAR_LINK}:${PORT}`,
  });
  await device.ping(FAR_OVERLAY, 5000);
  return { tunnel, device };
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, "exit");
}

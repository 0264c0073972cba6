import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { createDirectDialer, type TunnelDatagramSocket, type TunnelSocket } from "@netbird-proxy/tunnel";
import { codedError, type TargetDialer } from "../forward/dial.ts";

/** Targets with direct_upstream: the proxy's own network and its own name service. */
export class DirectDialer implements TargetDialer {
  readonly key = "direct";
  readonly #dialer = createDirectDialer();

  async dial(host: string, port: number, timeoutMs: number, signal?: AbortSignal): Promise<TunnelSocket> {
    const startedMs = performance.now();
    let last: unknown;
    for (const address of await addressesOf(host)) {
      const leftMs = timeoutMs - (performance.now() - startedMs);
      if (leftMs <= 0) break;
      try {
        return await this.#dialer.dialTcp({ host: address, port }, { timeoutMs: leftMs, signal });
      } catch (error) {
        last = error;
      }
    }
    throw last ?? codedError("ETIMEDOUT", `${host}:${port} did not answer in time`);
  }

  async dialUdp(host: string, port: number): Promise<TunnelDatagramSocket> {
    const [address] = await addressesOf(host);
    return this.#dialer.dialUdp({ host: address!, port });
  }

  async ping(host: string, timeoutMs: number): Promise<number> {
    const [address] = await addressesOf(host);
    return this.#dialer.ping(address!, timeoutMs);
  }

  handshakeAgeSeconds(): number {
    return -1;
  }
}

async function addressesOf(host: string): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

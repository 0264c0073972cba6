import { type Key, keyToBase64, type PeerConfig, type PeerStatus } from "@netbird-proxy/tunnel";

/** The part of a device that keeps peers, with the network left out: a test says when a handshake succeeds. */
export class FakeDevice {
  readonly configs = new Map<string, PeerConfig>();
  readonly status = new Map<string, PeerStatus>();
  /** `set KEY ENDPOINT` and `remove KEY`, in order; keys by their first four characters. */
  readonly calls: string[] = [];
  pings = 0;
  answersPings = true;
  #onHandshake: (publicKey: Key) => void = () => {};

  setPeer(config: PeerConfig): void {
    const key = keyToBase64(config.publicKey);
    this.calls.push(`set ${config.endpoint}`);
    this.configs.set(key, config);
    if (!this.status.has(key))
      this.status.set(key, {
        publicKey: config.publicKey,
        endpoint: config.endpoint,
        latestHandshakeMs: undefined,
        rxBytes: 0,
        txBytes: 0,
      });
  }

  removePeer(publicKey: Key): void {
    const key = keyToBase64(publicKey);
    if (this.configs.delete(key)) this.calls.push("remove");
    this.status.delete(key);
  }

  peers(): PeerStatus[] {
    return [...this.status.values()];
  }

  async ping(): Promise<number> {
    this.pings += 1;
    if (!this.answersPings) throw Object.assign(new Error("timeout"), { code: "ETIMEDOUT" });
    return 1;
  }

  onHandshake(listener: (publicKey: Key) => void): void {
    this.#onHandshake = listener;
  }

  shakeHands(publicKey: Key, nowMs: number): void {
    const status = this.status.get(keyToBase64(publicKey));
    if (status === undefined) throw new Error("no such peer");
    status.latestHandshakeMs = nowMs;
    status.rxBytes += 92;
    this.#onHandshake(publicKey);
  }
}

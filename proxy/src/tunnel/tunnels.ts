import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { AccountId } from "@netbird-proxy/proto";
import { control } from "@netbird-proxy/proto/grpc";
import { type IncomingConnection, keyToBase64, publicKeyOf, type Tunnel } from "@netbird-proxy/tunnel";
import type { Logger } from "../observe/log.ts";
import type { Identity } from "../state/identity.ts";
import { AccountTunnel } from "./account-tunnel.ts";

/** How often routers are looked at again, because a session that ages says nothing by itself. */
const ROUTER_CHECK_MS = 5000;

export interface TunnelsParts {
  readonly tunnel: Tunnel;
  readonly identity: Identity;
  readonly log: Logger;
  /** A tunnel can do something it could not do before. */
  readonly onUsable: (tunnel: AccountTunnel) => void;
  /** A peer opens a connection to us; undefined: no peer may. */
  readonly onConnection?: (tunnel: AccountTunnel, incoming: IncomingConnection) => void;
  /** Something worth saving changed. */
  readonly onState: () => void;
}

/** The accounts' tunnels of this process, all behind one UDP port. */
export class Tunnels {
  readonly #parts: TunnelsParts;
  readonly #accounts = new Map<AccountId, AccountTunnel>();
  readonly #states = new Map<AccountId, control.TunnelState>();
  /** Accounts that some service needs. */
  #wanted = new Set<AccountId>();
  #unsupported = false;
  /** From disk, and of accounts that were in use before. */
  #remembered: Readonly<Record<string, Record<string, string>>> = {};
  readonly #timer: NodeJS.Timeout;
  /** Told when the accounts in use change. */
  onAccounts: ((wanted: ReadonlySet<AccountId>) => void) | undefined;

  constructor(parts: TunnelsParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => {
      for (const account of this.#accounts.values()) {
        if (account.chooseRouters()) parts.onUsable(account);
      }
    }, ROUTER_CHECK_MS);
    this.#timer.unref();
  }

  get wanted(): ReadonlySet<AccountId> {
    return this.#wanted;
  }

  /** Newest state of every account in use, encoded. */
  encodedStates(): Uint8Array[] {
    return [...this.#states.values()].map((state) => control.TunnelState.encode(state).finish());
  }

  /** Where peers were seen last, by account and public key. */
  peersSeenAt(): Record<string, Record<string, string>> {
    return Object.fromEntries([...this.#accounts].map(([id, account]) => [id, account.seenAt()]));
  }

  /** To be called before any account is used. */
  remember(seenAt: Readonly<Record<string, Record<string, string>>>): void {
    this.#remembered = seenAt;
  }

  /** This proxy's public key in the account, standard base64. */
  publicKey(accountId: AccountId): string {
    return keyToBase64(publicKeyOf(this.#parts.identity.privateKey(accountId)));
  }

  /** The way into an account's overlay; there may be no tunnel behind it yet. */
  account(accountId: AccountId): AccountTunnel {
    let account = this.#accounts.get(accountId);
    if (account === undefined) {
      account = new AccountTunnel(accountId, resolveEndpoint, this.#remembered[accountId]);
      if (this.#unsupported) account.absence = unsupportedAbsence;
      this.#accounts.set(accountId, account);
    }
    return account;
  }

  /** Says which accounts services use; the tunnels of all others go. */
  retain(wanted: Set<AccountId>): void {
    const before = this.#wanted;
    this.#wanted = wanted;
    let changed = wanted.size !== before.size;
    for (const accountId of wanted) if (!before.has(accountId)) changed = true;
    for (const [accountId, account] of this.#accounts) {
      if (wanted.has(accountId)) continue;
      this.#accounts.delete(accountId);
      // Its first service may come back, and its peers will be in the session that ends here.
      this.#remembered = { ...this.#remembered, [accountId]: account.seenAt() };
      this.#states.delete(accountId);
      account
        .close()
        .catch((err: unknown) => this.#parts.log.warn({ accountId, err }, "tunnel did not close"));
    }
    if (changed) this.onAccounts?.(wanted);
  }

  /** Applies one account's state, from the server or from disk. Older than the one in use: ignored. */
  apply(state: control.TunnelState): void {
    const accountId = state.accountId as AccountId;
    if (!this.#wanted.has(accountId)) return;
    const account = this.account(accountId);
    let { device } = account;
    if (device === undefined) {
      const { onConnection } = this.#parts;
      device = this.#parts.tunnel.addDevice({
        privateKey: this.#parts.identity.privateKey(accountId),
        addresses: [state.address, state.addressV6].filter((address) => address !== ""),
        ...(onConnection && { onConnection: (incoming) => onConnection(account, incoming) }),
      });
      device.onHandshake((publicKey) => {
        if (account.peerAppeared(publicKey)) this.#parts.onState();
        this.#parts.onUsable(account);
      });
    }
    account.apply(device, state);
    this.#states.set(accountId, state);
    this.#parts.log.info(
      { accountId, revision: state.revision.toString(), count: state.peers.length },
      "tunnel configured",
    );
    this.#parts.onUsable(account);
    this.#parts.onState();
  }

  /** The server has no tunnels to offer. */
  notSupported(): void {
    this.#unsupported = true;
    for (const account of this.#accounts.values()) account.absence = unsupportedAbsence;
  }

  peerReports(): control.PeerReport[] {
    return [...this.#accounts.values()].flatMap((account) => account.peerReports());
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#accounts.values()].map((account) => account.close()));
    await this.#parts.tunnel.close();
  }
}

const unsupportedAbsence = {
  reason: "tunnel.not_supported",
  message: "the management server does not offer tunnels to this proxy",
} as const;

/** @returns the endpoint with an address in place of the name; undefined when it does not resolve */
async function resolveEndpoint(endpoint: string): Promise<string | undefined> {
  const colon = endpoint.lastIndexOf(":");
  const host = endpoint.slice(0, colon).replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) return endpoint;
  try {
    const { address, family } = await lookup(host);
    return `${family === 6 ? `[${address}]` : address}${endpoint.slice(colon)}`;
  } catch {
    return undefined;
  }
}

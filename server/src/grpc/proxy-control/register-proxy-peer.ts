import { type AccountId, AppError, type ProxyId } from "@netbird-proxy/proto";
import { addPeer } from "../../commands/add-peer.ts";
import { runCommand } from "../../commands/command.ts";
import type { CommandContext } from "../../commands/context.ts";
import { reviseTunnel } from "../../commands/revise.ts";
import { newId } from "../../domain/xid.ts";
import { isWireguardKey } from "../../secrets/wireguard-key.ts";
import { getAccount } from "../../store/accounts.ts";
import { findPeerByPublicKey, findProxyPeer, type Peer, updatePeer } from "../../store/peers.ts";

export interface ProxyTunnelEnd {
  proxyId: ProxyId;
  cluster: string;
  publicKey: string;
  wireguardEndpoint: string;
  websocketEndpoint: string;
}

/**
 * The peer that stands for a proxy in an account: made the first time, found again afterwards, so that its addresses
 * outlive restarts. A new key or endpoint is told to the agents.
 *
 * @returns undefined when the account does not exist (any more)
 * @throws AppError `request.invalid`, `peer.key_taken`
 */
export async function registerProxyPeer(
  context: CommandContext,
  account: AccountId,
  end: ProxyTunnelEnd,
): Promise<Peer | undefined> {
  const { proxyId, publicKey } = end;
  if (!isWireguardKey(publicKey)) {
    throw new AppError("request.invalid", "public_key must be 32 bytes in standard base64", {
      path: "public_key",
    });
  }
  const actor = { account, id: proxyId, name: "", email: "" };
  return runCommand(context, actor, async (work) => {
    const { trx, nowMs } = work;
    if (!(await getAccount(trx, account))) return undefined;
    const taken = await findPeerByPublicKey(trx, account, publicKey);
    if (taken && taken.proxyId !== proxyId) {
      throw new AppError("peer.key_taken", `the peer ${taken.name} has this public key already`, {
        path: "public_key",
      });
    }
    const told: Partial<Peer> = {
      publicKey,
      cluster: end.cluster,
      wireguardEndpoint: end.wireguardEndpoint,
      websocketEndpoint: end.websocketEndpoint,
    };
    const before = await findProxyPeer(trx, account, proxyId);
    const alive = { connected: true, lastSeen: nowMs };
    if (!before) {
      const name = `proxy-${newId()}`;
      const peer = await addPeer(work, account, context.random, {
        kind: "proxy",
        name,
        publicKey,
        os: "proxy",
        proxyId,
        ...told,
        ...alive,
      });
      await work.audit("peer.proxy.add", peer.id, { name, ip: peer.ip, cluster: end.cluster });
      return peer;
    }
    const changed = (Object.keys(told) as (keyof Peer)[]).some((key) => told[key] !== before[key]);
    // One that agents had given up on has to be told to them again.
    const forgotten = nowMs - before.lastSeen > RETELL_AFTER_MS;
    await updatePeer(trx, account, before.id, { ...told, ...alive });
    if (changed || forgotten) await reviseTunnel(work, account, before.id, "modified");
    return { ...before, ...told, ...alive };
  });
}

const RETELL_AFTER_MS = 12 * 3_600_000;

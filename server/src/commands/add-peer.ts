import { type AccountId, AppError, type PeerId } from "@netbird-proxy/proto";
import { ALL_GROUP } from "../domain/account-defaults.ts";
import { dnsLabel } from "../domain/dns-label.ts";
import { allocateAddress, type Random } from "../domain/overlay-address.ts";
import { newId } from "../domain/xid.ts";
import { getAccount } from "../store/accounts.ts";
import { addPeerToGroups, findGroupByName } from "../store/groups.ts";
import { insertPeer, listUsedAddresses, listUsedDnsLabels, type Peer } from "../store/peers.ts";
import type { Work } from "./command.ts";
import { reviseTunnel } from "./revise.ts";

/** What is different between an agent, a stock device and a proxy; the rest has a default. */
export type NewPeer = Pick<Peer, "kind" | "name" | "publicKey"> & Partial<Omit<Peer, "id" | "accountId">>;

/**
 * Gives a peer its addresses and DNS label, puts it into All (unless it is a proxy) and `groups`, and tells proxies and
 * agents. Inside a command's transaction, so that nobody else gets the same address.
 *
 * @throws AppError `peer.invalid` when the account's range is full
 */
export async function addPeer(
  work: Pick<Work, "trx" | "nowMs" | "audit">,
  account: AccountId,
  random: Random,
  peer: NewPeer,
  groups: readonly string[] = [],
): Promise<Peer> {
  const { trx, nowMs } = work;
  const row = await getAccount(trx, account);
  if (!row) throw new AppError("internal", `account ${account} is gone`);
  const used = await listUsedAddresses(trx, account);
  const ip = allocateAddress(row.networkV4, used, random);
  if (!ip) {
    throw new AppError("peer.invalid", `no address is free in ${row.networkV4}`, {
      hint: "Delete peers that are no longer used.",
    });
  }
  const added: Peer = {
    id: newId<PeerId>(),
    accountId: account,
    dnsLabel: dnsLabel(peer.name, ip, await listUsedDnsLabels(trx, account)),
    ip,
    ipv6: allocateAddress(row.networkV6, used, random) ?? null,
    presharedKey: null,
    agentTokenHash: null,
    hostname: peer.name,
    os: "",
    kernelVersion: "",
    version: "",
    meta: {},
    connected: false,
    connectionIp: "",
    lastSeen: nowMs,
    lastLogin: null,
    latestHandshake: null,
    sshEnabled: false,
    loginExpirationEnabled: false,
    inactivityExpirationEnabled: false,
    ephemeral: false,
    userId: null,
    setupKeyId: null,
    proxyId: null,
    cluster: null,
    wireguardEndpoint: null,
    websocketEndpoint: null,
    createdAt: nowMs,
    ...peer,
  };
  await insertPeer(trx, added);
  if (peer.kind !== "proxy") {
    const all = await findGroupByName(trx, account, ALL_GROUP);
    await addPeerToGroups(trx, all ? [all.id, ...groups] : groups, added.id);
  }
  await reviseTunnel(work, account, added.id, "created");
  return added;
}

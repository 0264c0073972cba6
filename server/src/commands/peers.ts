import { randomBytes } from "node:crypto";
import { type AccountId, AppError } from "@netbird-proxy/proto";
import { dnsLabel } from "../domain/dns-label.ts";
import { isInRange } from "../domain/overlay-address.ts";
import { isWireguardKey, newWireguardKeyPair } from "../secrets/wireguard-key.ts";
import { getAccount } from "../store/accounts.ts";
import { deleteResourceMemberships } from "../store/groups.ts";
import { listNetworkRouters } from "../store/network-routers.ts";
import {
  deletePeer,
  findPeerByPublicKey,
  getPeer,
  listUsedAddresses,
  listUsedDnsLabels,
  type Peer,
  PRESHARED_KEY_PURPOSE,
  updatePeer,
} from "../store/peers.ts";
import { listServicesTargeting } from "../store/services.ts";
import type { Db } from "../store/transaction.ts";
import { addPeer } from "./add-peer.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { requireGroups } from "./groups.ts";
import { removePoliciesOfPeer } from "./policies.ts";
import { reviseServicesTargeting, reviseTunnel } from "./revise.ts";

export interface DeviceDraft {
  name: string;
  /** Standard base64; undefined: the server makes a key pair. */
  publicKey?: string;
  groups: string[];
  withPresharedKey: boolean;
}

export interface PeerChange {
  name: string;
  sshEnabled: boolean;
  loginExpirationEnabled: boolean;
  inactivityExpirationEnabled: boolean;
  ip?: string;
  ipv6?: string;
}

function invalid(path: string, message: string): never {
  throw new AppError("peer.invalid", message, { path });
}

function checkName(name: string): void {
  if (name.trim() === "") invalid("name", "name is required");
  if (Buffer.byteLength(name) > 255) invalid("name", "name is too long");
}

/**
 * Registers a stock WireGuard device.
 * @returns the private key too when the server made it; it is not kept
 * @throws AppError `peer.invalid`, `peer.key_taken`
 */
export async function registerDevice(
  context: CommandContext,
  actor: Actor,
  draft: DeviceDraft,
  options?: CommandOptions,
): Promise<{ peer: Peer; privateKey?: string }> {
  checkName(draft.name);
  if (draft.publicKey !== undefined && !isWireguardKey(draft.publicKey)) {
    invalid("public_key", "public_key must be 32 bytes in standard base64");
  }
  const made = draft.publicKey === undefined ? newWireguardKeyPair() : undefined;
  const publicKey = draft.publicKey ?? made!.publicKey;
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, audit } = work;
      await requireGroups(trx, actor.account, draft.groups, "groups", "peer.invalid");
      const taken = await findPeerByPublicKey(trx, actor.account, publicKey);
      if (taken) {
        throw new AppError("peer.key_taken", `the peer ${taken.name} has this public key already`, {
          path: "public_key",
        });
      }
      const presharedKey = draft.withPresharedKey
        ? context.store.secrets.seal(randomBytes(32).toString("base64"), PRESHARED_KEY_PURPOSE)
        : null;
      const peer = await addPeer(
        work,
        actor.account,
        context.random,
        { kind: "wireguard", name: draft.name, publicKey, presharedKey },
        draft.groups,
      );
      await audit("peer.user.add", peer.id, { name: peer.name, ip: peer.ip });
      return { peer, privateKey: made?.privateKey };
    },
    options,
  );
}

/** Full replacement. @throws AppError `peer.not_found`, `peer.invalid` */
export async function changePeer(
  context: CommandContext,
  actor: Actor,
  id: string,
  change: PeerChange,
  options?: CommandOptions,
): Promise<Peer> {
  checkName(change.name);
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx } = work;
      const before = await requirePeer(trx, actor.account, id);
      const after: Peer = {
        ...before,
        name: change.name,
        sshEnabled: change.sshEnabled,
        loginExpirationEnabled: change.loginExpirationEnabled,
        inactivityExpirationEnabled: change.inactivityExpirationEnabled,
        ...(await changedAddresses(work, actor.account, before, change)),
      };
      if (after.name !== before.name) {
        const used = await listUsedDnsLabels(trx, actor.account);
        used.delete(before.dnsLabel);
        after.dnsLabel = dnsLabel(after.name, after.ip, used);
      }
      await updatePeer(trx, actor.account, before.id, after);
      await auditChange(work, before, after);
      await reviseTunnel(work, actor.account, before.id, "modified");
      if (after.ip !== before.ip || after.ipv6 !== before.ipv6) {
        await reviseServicesTargeting(work, actor.account, [before.id]);
      }
      return after;
    },
    options,
  );
}

async function changedAddresses(
  { trx }: Work,
  accountId: AccountId,
  before: Peer,
  { ip, ipv6 }: PeerChange,
): Promise<Pick<Peer, "ip" | "ipv6">> {
  const account = await getAccount(trx, accountId);
  const used = await listUsedAddresses(trx, accountId);
  const check = (field: string, address: string, range: string) => {
    if (!isInRange(range, address)) invalid(field, `${address} is not in the account's range ${range}`);
    if (used.has(address)) invalid(field, `${address} is in use`);
    return address;
  };
  return {
    ip: !ip || ip === before.ip ? before.ip : check("ip", ip, account!.networkV4),
    ipv6: !ipv6 || ipv6 === before.ipv6 ? before.ipv6 : check("ipv6", ipv6, account!.networkV6),
  };
}

async function auditChange({ audit }: Work, before: Peer, after: Peer): Promise<void> {
  const meta = { name: after.name, ip: after.ip };
  if (after.name !== before.name) await audit("peer.rename", after.id, meta);
  if (after.ip !== before.ip || after.ipv6 !== before.ipv6) await audit("peer.ip.update", after.id, meta);
  const flag = async (changed: boolean, on: boolean, code: string) => {
    if (changed) await audit(`${code}.${on ? "enable" : "disable"}`, after.id, meta);
  };
  await flag(after.sshEnabled !== before.sshEnabled, after.sshEnabled, "peer.ssh");
  await flag(
    after.loginExpirationEnabled !== before.loginExpirationEnabled,
    after.loginExpirationEnabled,
    "peer.login.expiration",
  );
  await flag(
    after.inactivityExpirationEnabled !== before.inactivityExpirationEnabled,
    after.inactivityExpirationEnabled,
    "peer.inactivity.expiration",
  );
}

/** @throws AppError `peer.not_found`, `peer.in_use` naming the service or router */
export async function removePeer(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  await runCommand(
    context,
    actor,
    async (work) => {
      const { trx, audit } = work;
      const peer = await requirePeer(trx, actor.account, id);
      const [service] = await listServicesTargeting(trx, actor.account, [peer.id]);
      if (service) {
        throw new AppError("peer.in_use", `peer ${peer.name} is a target of the service ${service.name}`);
      }
      const router = (await listNetworkRouters(trx, actor.account)).find(({ peerId }) => peerId === peer.id);
      if (router) throw new AppError("peer.in_use", `peer ${peer.name} is the network router ${router.id}`);
      await removePoliciesOfPeer(work, actor.account, peer.id);
      await deleteResourceMemberships(trx, peer.id);
      await deletePeer(trx, actor.account, peer.id);
      await audit("user.peer.delete", peer.id, { name: peer.name, ip: peer.ip });
      await reviseTunnel(work, actor.account, peer.id, "removed");
    },
    options,
  );
}

/** A proxy's own peers are nobody's business here. */
export async function requirePeer(db: Db, account: AccountId, id: string): Promise<Peer> {
  const peer = await getPeer(db, account, id);
  if (!peer || peer.kind === "proxy") throw new AppError("peer.not_found", `peer ${id} not found`);
  return peer;
}

import { AppError } from "@netbird-proxy/proto";
import { allocateAddress, isAllocatable, type Random } from "../domain/overlay-address.ts";
import type { Account } from "../store/accounts.ts";
import { listNetworkResources, updateNetworkResource } from "../store/network-resources.ts";
import { listPeers, updatePeer } from "../store/peers.ts";
import type { Work } from "./command.ts";
import { reviseServicesTargeting, reviseTunnel } from "./revise.ts";

/**
 * Gives every peer and domain resource an address of the account's ranges; what fits already stays as it is.
 * @throws AppError `account.invalid` when a range is full
 */
export async function moveAddresses(work: Work, random: Random, account: Account): Promise<void> {
  const { trx } = work;
  const peers = await listPeers(trx, account.id);
  const resources = (await listNetworkResources(trx, account.id)).filter(
    ({ virtualIp }) => virtualIp !== null,
  );
  const fits = (address: string | null): address is string =>
    address !== null && isAllocatable(address.includes(":") ? account.networkV6 : account.networkV4, address);
  const addresses = [
    ...peers.flatMap(({ ip, ipv6 }) => [ip, ipv6]),
    ...resources.map(({ virtualIp }) => virtualIp),
  ];
  const used = new Set<string>(addresses.filter(fits));
  const move = (address: string, range: string): string => {
    if (fits(address)) return address;
    const next = allocateAddress(range, used, random);
    if (!next) throw new AppError("account.invalid", `no address is free in ${range}`);
    used.add(next);
    return next;
  };
  const moved: string[] = [];
  for (const { id, ip, ipv6 } of peers) {
    const next = {
      ip: move(ip, account.networkV4),
      ipv6: ipv6 === null ? null : move(ipv6, account.networkV6),
    };
    if (next.ip === ip && next.ipv6 === ipv6) continue;
    await updatePeer(trx, account.id, id, next);
    moved.push(id);
  }
  for (const { id, virtualIp } of resources) {
    const next = move(virtualIp!, account.networkV4);
    if (next === virtualIp) continue;
    await updateNetworkResource(trx, account.id, id, { virtualIp: next });
    moved.push(id);
  }
  await reviseTunnel(work, account.id, account.id, "modified");
  await reviseServicesTargeting(work, account.id, moved);
}

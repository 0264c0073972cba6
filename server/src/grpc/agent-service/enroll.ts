import type { handleUnaryCall } from "@grpc/grpc-js";
import { type AccountId, AppError } from "@netbird-proxy/proto";
import type { agent } from "@netbird-proxy/proto/grpc";
import { addPeer } from "../../commands/add-peer.ts";
import { runCommand, type Work } from "../../commands/command.ts";
import type { CommandContext } from "../../commands/context.ts";
import { reviseTunnel } from "../../commands/revise.ts";
import { hashSetupKey, requireUsableSetupKey, setupKeyState } from "../../domain/setup-key-state.ts";
import { hashToken, newToken } from "../../domain/token.ts";
import { isWireguardKey } from "../../secrets/wireguard-key.ts";
import { chargeFailure } from "../../store/failure-budgets.ts";
import { listGroupNames, listPeerNames } from "../../store/find-peer.ts";
import { findPeerByPublicKey, type Peer, updatePeer } from "../../store/peers.ts";
import { findSetupKeyByHash, type SetupKey, spendSetupKey } from "../../store/setup-keys.ts";
import { callerOf } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

type Request = agent.EnrollRequest;
type Response = agent.EnrollResponse;

/** The same budget as for bad tokens. */
const FAILURES = { name: "setup key", burst: 5, refillMs: 12_000 };

/**
 * Joins a device with a setup key. The same public key again is the same peer with a new token, without using the key up
 * once more, as long as it joined with this key or the key could still take somebody in.
 *
 * Failures carry `setup_key.*` or `peer.*` in the error trailer.
 */
export function enroll({ context, log }: GrpcPorts): handleUnaryCall<Request, Response> {
  const { nowMs, store } = context;
  return unary<Request, Response>(log, async (call) => {
    const { address } = callerOf(call);
    try {
      return await join(context, call.request, address);
    } catch (error) {
      // Only unknown keys are guesses; a good key behind the same address is never refused.
      const guessed = error instanceof AppError && error.code === "setup_key.not_found";
      if (!guessed || (await chargeFailure(store.db, FAILURES, address, nowMs()))) throw error;
      throw new AppError("auth.rate_limited", `too many unknown setup keys from ${address}`, {
        hint: `Wait at least ${FAILURES.refillMs / 1000} s. ${error.hint}`,
      });
    }
  });
}

async function join(context: CommandContext, request: Request, address: string): Promise<Response> {
  const { publicKey } = request;
  if (!isWireguardKey(publicKey)) {
    throw new AppError("peer.invalid", "public_key must be 32 bytes in standard base64", {
      path: "public_key",
    });
  }
  const key = await findSetupKeyByHash(context.store.db, hashSetupKey(request.setupKey));
  if (!key) {
    throw new AppError("setup_key.not_found", "the setup key is unknown", { path: "setup_key" });
  }
  const token = newToken("nba_");
  const actor = { account: key.accountId, id: key.id, name: key.name, email: "" };
  const peer = await runCommand(context, actor, async (work) => {
    // Again, inside: somebody may have used or revoked it meanwhile.
    const current = await findSetupKeyByHash(work.trx, key.keyHash);
    if (!current)
      throw new AppError("setup_key.not_found", "the setup key is unknown", { path: "setup_key" });
    const before = await findPeerByPublicKey(work.trx, current.accountId, publicKey);
    return before
      ? rejoin(work, current, before, request, token)
      : addAgent(context, work, current, request, token, address);
  });
  return { peerId: peer.id, token, address: peer.ip, addressV6: peer.ipv6 ?? "" };
}

async function rejoin(
  work: Work,
  key: SetupKey,
  before: Peer,
  request: Request,
  token: string,
): Promise<Peer> {
  const { trx, nowMs } = work;
  if (before.kind !== "agent") {
    throw new AppError("peer.key_taken", "another device has this public key already", {
      path: "public_key",
    });
  }
  const own = before.setupKeyId === key.id && setupKeyState(key, nowMs) === "overused";
  if (!own) requireUsableSetupKey(key, nowMs);
  const change: Partial<Peer> = {
    agentTokenHash: hashToken(token),
    lastLogin: nowMs,
    ...metaColumns(request.meta),
  };
  await updatePeer(trx, before.accountId, before.id, change);
  // The token that it had is worth nothing now, and every server has to notice.
  await reviseTunnel(work, before.accountId, before.id, "modified");
  return { ...before, ...change };
}

async function addAgent(
  context: CommandContext,
  work: Work,
  key: SetupKey,
  request: Request,
  token: string,
  address: string,
): Promise<Peer> {
  const { trx, nowMs } = work;
  requireUsableSetupKey(key, nowMs);
  if (!(await spendSetupKey(trx, key.id, nowMs))) {
    throw new AppError("setup_key.overused", "the setup key has been used as often as it may", {
      path: "setup_key",
    });
  }
  const groups = await listGroupNames(trx, key.accountId, key.autoGroups);
  const peer = await addPeer(
    work,
    key.accountId,
    context.random,
    {
      kind: "agent",
      name: await freeName(work, key.accountId, request),
      publicKey: request.publicKey,
      agentTokenHash: hashToken(token),
      connectionIp: address,
      lastLogin: nowMs,
      ephemeral: key.ephemeral,
      setupKeyId: key.id,
      ...metaColumns(request.meta),
    },
    groups.map(({ id }) => id),
  );
  await work.audit("peer.setupkey.add", peer.id, {
    name: peer.name,
    ip: peer.ip,
    setup_key_name: key.name,
  });
  return peer;
}

/** The wished name, or the host name; with a number behind it when the account has it already. */
async function freeName({ trx }: Work, account: AccountId, { name, meta }: Request): Promise<string> {
  const wished = (name.trim() || meta?.hostname.trim() || "peer").slice(0, 200);
  const used = await listPeerNames(trx, account);
  if (!used.has(wished)) return wished;
  for (let n = 2; ; n += 1) if (!used.has(`${wished}-${n}`)) return `${wished}-${n}`;
}

/** What an agent says about its host. */
export function metaColumns(
  meta: agent.PeerMeta | undefined,
): Partial<Pick<Peer, "hostname" | "os" | "kernelVersion" | "version" | "meta">> {
  if (!meta) return {};
  return {
    hostname: meta.hostname.slice(0, 255),
    os: meta.os.slice(0, 255),
    kernelVersion: meta.kernelVersion.slice(0, 255),
    version: meta.version.slice(0, 64),
    meta: { architecture: meta.architecture.slice(0, 64) },
  };
}

import { randomBytes } from "node:crypto";
import { type AccountId, AppError, type ServiceId } from "@netbird-proxy/proto";
import type { ServiceRequest } from "@netbird-proxy/proto/rest";
import { type Cluster, usableClusters } from "../domain/clusters.ts";
import { deriveCluster } from "../domain/derive-cluster.ts";
import { contains, parseAddress, parseNetwork } from "../domain/ip-network.ts";
import { chooseListenPort, findPortConflict } from "../domain/listen-port.ts";
import { hasEnabledAuth } from "../domain/service-warnings.ts";
import type { AuthDraft } from "../domain/validate-auth.ts";
import { type ServiceDraft, validateService } from "../domain/validate-service.ts";
import { newId } from "../domain/xid.ts";
import { hashOnce } from "../secrets/hash-ahead.ts";
import { newSessionKey } from "../secrets/session-key.ts";
import { listDomains } from "../store/domains.ts";
import { findNetworkResources } from "../store/network-resources.ts";
import { findPeers } from "../store/peers.ts";
import { listVisibleProxies } from "../store/proxies.ts";
import {
  deleteService,
  findServiceByDomain,
  getService,
  insertService,
  listClusterPorts,
  replaceService,
  type StoredAuth,
  type StoredService,
  type StoredTarget,
  type TargetOwner,
  updateServiceColumns,
} from "../store/services.ts";
import type { Db } from "../store/transaction.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { requireGroups } from "./groups.ts";
import { reviseService } from "./revise.ts";

/**
 * @throws AppError with code `service.*` and the path of the field; nothing is written then
 */
export async function createService(
  context: CommandContext,
  actor: Actor,
  request: ServiceRequest,
  options: CommandOptions = {},
): Promise<StoredService> {
  const draft = validateService(request);
  // Outside the transaction: hashing takes long, and SQLite has one writer.
  const auth = await hashAuth(draft.auth, undefined, options);
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, nowMs, audit } = work;
      const usable = usableClusters(await listVisibleProxies(trx, actor.account), actor.account, nowMs);
      // In NetBird's order, here and below: of several things that are wrong, the same one is named.
      const proxyCluster = await clusterOf(trx, actor.account, draft.domain, usable);
      requireSecrets(auth);
      await checkReferences(trx, actor.account, draft);
      await requireFreeDomain(trx, draft.domain);
      const id = newId<ServiceId>();
      const domainKey = draft.domain.toLowerCase();
      const ports = draft.mode === "http" ? [] : await listClusterPorts(trx, proxyCluster);
      const { listenPort, portAutoAssigned } = choosePort(context, draft, usable, proxyCluster, ports);
      requireFreePort(ports, { id, mode: draft.mode, listenPort, domainKey });
      const service: StoredService = {
        ...columnsOf(draft),
        id,
        accountId: actor.account,
        domainKey,
        listenPort,
        portAutoAssigned,
        proxyCluster,
        terminated: false,
        auth,
        ...newSessionKey(context.store.secrets, nowMs),
        formerSessionKeys: [],
        sessionEpoch: 0,
        grants: { tokens: [], links: [] },
        source: "permanent",
        sourcePeer: null,
        certificateIssuedAt: null,
        revision: 0,
        createdAt: nowMs,
        updatedAt: nowMs,
      };
      await insertService(trx, service, ownerOf(actor, nowMs));
      service.revision = await reviseService(work, service, proxyCluster, "created");
      await updateServiceColumns(trx, actor.account, id, { revision: service.revision });
      await audit("service.create", id, auditMeta(service));
      return service;
    },
    options,
  );
}

/**
 * Full replacement: what the request leaves out goes back to its zero value. The cluster stays while the domain does,
 * a listen port while none is named, and stored secrets while theirs are empty.
 */
export async function updateService(
  context: CommandContext,
  actor: Actor,
  id: string,
  request: ServiceRequest,
  options: CommandOptions = {},
): Promise<StoredService> {
  const draft = validateService(request);
  const known = await requireService(context.store.db, actor.account, id);
  const auth = await hashAuth(draft.auth, known.auth, options);
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, nowMs, audit } = work;
      const before = await requireService(trx, actor.account, id);
      // The secrets that we kept are those of `known`.
      if (JSON.stringify(before.auth) !== JSON.stringify(known.auth)) {
        throw new AppError("request.conflict", "the service was changed by somebody else at the same time");
      }
      await checkReferences(trx, actor.account, draft);
      const domainKey = draft.domain.toLowerCase();
      const renamed = domainKey !== before.domainKey;
      // A cluster may have a hundred proxies, and most changes have nothing to do with them.
      const usable =
        renamed || draft.mode !== "http"
          ? usableClusters(await listVisibleProxies(trx, actor.account), actor.account, nowMs)
          : [];
      const proxyCluster = renamed
        ? await clusterOf(trx, actor.account, draft.domain, usable)
        : before.proxyCluster;
      if (before.terminated) throw new AppError("service.terminated", "the service is terminated");
      if (draft.mode !== before.mode) {
        throw new AppError(
          "service.mode_immutable",
          `a service in ${before.mode} mode cannot become ${draft.mode}`,
          { path: "mode" },
        );
      }
      if (renamed) await requireFreeDomain(trx, draft.domain);
      requireSecrets(auth);
      const ports = draft.mode === "http" ? [] : await listClusterPorts(trx, proxyCluster);
      const port = keepOrChangePort(draft, before, usable, proxyCluster);
      requireFreePort(ports, { id: before.id, mode: draft.mode, listenPort: port.listenPort, domainKey });
      const service: StoredService = {
        ...before,
        ...columnsOf(draft),
        ...port,
        domainKey,
        proxyCluster,
        auth,
        updatedAt: nowMs,
      };
      service.revision = await reviseMove(work, before, service);
      await replaceService(trx, service, ownerOf(actor, nowMs));
      await audit("service.update", service.id, auditMeta(service));
      return service;
    },
    options,
  );
}

/**
 * @returns where proxies have to let go of it, and with which revision they do
 * @throws AppError `service.not_found`
 */
export async function removeService(
  context: CommandContext,
  actor: Actor,
  id: string,
  options: CommandOptions = {},
): Promise<{ cluster: string; revision: number }> {
  return runCommand(
    context,
    actor,
    async (work) => {
      const service = await requireService(work.trx, actor.account, id);
      await deleteService(work.trx, actor.account, service.id);
      const revision = await reviseService(work, service, service.proxyCluster, "removed");
      await work.audit("service.delete", service.id, auditMeta(service));
      return { cluster: service.proxyCluster, revision };
    },
    options,
  );
}

/**
 * Ends every visitor's session on the service, whatever it came from: proxies hear of it as of any change. Visitors may
 * sign in again at once. @throws AppError `service.not_found`
 */
export async function endSessions(
  context: CommandContext,
  actor: Actor,
  id: string,
  options: CommandOptions = {},
): Promise<void> {
  await runCommand(
    context,
    actor,
    async (work) => {
      const service = await requireService(work.trx, actor.account, id);
      const revision = await reviseService(work, service, service.proxyCluster, "modified");
      const change = { sessionEpoch: service.sessionEpoch + 1, revision };
      await updateServiceColumns(work.trx, actor.account, service.id, change);
      await work.audit("service.sessions.end", service.id, auditMeta(service));
    },
    options,
  );
}

export async function requireService(db: Db, account: AccountId, id: string): Promise<StoredService> {
  const service = await getService(db, account, id);
  if (!service) throw new AppError("service.not_found", `service ${id} not found`);
  return service;
}

/** Of the targets that a command adds. */
function ownerOf(actor: Actor, nowMs: number): TargetOwner {
  return { ownerId: actor.id, ownerName: actor.name || actor.email, createdAt: nowMs };
}

/** What an old cluster has to drop and a new one to take up. */
async function reviseMove(work: Work, before: StoredService, after: StoredService): Promise<number> {
  if (before.proxyCluster.toLowerCase() === after.proxyCluster.toLowerCase()) {
    const operation = before.enabled === after.enabled ? "modified" : after.enabled ? "created" : "removed";
    return reviseService(work, after, after.proxyCluster, operation);
  }
  await reviseService(work, before, before.proxyCluster, "removed");
  return reviseService(work, after, after.proxyCluster, "created");
}

function columnsOf(draft: ServiceDraft) {
  const { name, domain, mode, enabled, passHostHeader, rewriteRedirects } = draft;
  const { accessRestrictions, accessRules, accessGroups, targets } = draft;
  return {
    name,
    domain,
    mode,
    enabled,
    passHostHeader,
    rewriteRedirects,
    accessRestrictions,
    accessRules,
    accessGroups,
    targets,
    private: draft.private,
    public: draft.public,
  };
}

async function clusterOf(
  db: Db,
  account: AccountId,
  domain: string,
  usable: readonly Cluster[],
): Promise<string> {
  const derived = deriveCluster(domain, usable, await listDomains(db, account));
  if (!derived.ok) {
    const names = usable.map(({ address }) => address).join(", ");
    throw new AppError(
      "service.no_cluster",
      derived.why === "no-clusters"
        ? `no proxy is connected that could serve ${domain}`
        : `${domain} is neither under a connected cluster (${names}) nor under a custom domain`,
      derived.why === "no-clusters"
        ? { path: "domain", hint: "Start a proxy with a proxy token first." }
        : { path: "domain" },
    );
  }
  const cluster = usable.find(({ address }) => address === derived.cluster);
  if (
    derived.via === "free" &&
    cluster?.capabilities.requireSubdomain &&
    domain.toLowerCase() === cluster.address.toLowerCase()
  ) {
    throw new AppError("service.subdomain_required", `${domain} is the cluster's own name`, {
      path: "domain",
    });
  }
  return derived.cluster;
}

async function requireFreeDomain(db: Db, domain: string): Promise<void> {
  if (await findServiceByDomain(db, domain)) {
    throw new AppError("service.domain_taken", `domain ${domain} is already in use`, { path: "domain" });
  }
}

async function checkReferences(db: Db, account: AccountId, draft: ServiceDraft): Promise<void> {
  const ids = (isPeer: boolean) =>
    draft.targets.flatMap(({ targetType, targetId }) =>
      targetType !== "cluster" && (targetType === "peer") === isPeer ? [targetId] : [],
    );
  const peers = new Map((await findPeers(db, account, ids(true))).map((peer) => [peer.id as string, peer]));
  const resources = new Map(
    (await findNetworkResources(db, account, ids(false))).map((resource) => [
      resource.id as string,
      resource,
    ]),
  );
  for (const target of draft.targets) {
    const at = `targets[${target.position}]`;
    if (target.targetType === "cluster") continue;
    if (target.targetType === "peer") {
      const peer = peers.get(target.targetId);
      if (!peer || peer.kind === "proxy") throw missingTarget("peer", target, at);
      continue;
    }
    const resource = resources.get(target.targetId);
    if (!resource) throw missingTarget("network resource", target, at);
    if (resource.type !== target.targetType) {
      throw new AppError(
        "service.target_type_mismatch",
        `${resource.name} is a ${resource.type}, not a ${target.targetType}`,
        { path: `${at}.target_type`, hint: `Set target_type to ${resource.type}.` },
      );
    }
    checkReachable(target, resource.address, at);
  }
  await requireGroups(db, account, draft.accessGroups, "access_groups", "service.invalid");
  await requireGroups(
    db,
    account,
    draft.auth.bearer?.groups ?? [],
    "auth.bearer_auth.distribution_groups",
    "service.invalid",
  );
}

function missingTarget(what: string, target: StoredTarget, at: string): AppError {
  return new AppError("service.target_not_found", `${what} ${target.targetId} does not exist`, {
    path: `${at}.target_id`,
  });
}

/** Refuses what no proxy could ever dial. */
function checkReachable(target: StoredTarget, address: string, at: string): void {
  if (target.targetType === "domain" && address.startsWith("*.")) {
    throw new AppError("service.invalid", `${address} stands for many hosts and cannot be a target`, {
      path: `${at}.target_id`,
      hint: "Make a resource for the one name that the service is at.",
    });
  }
  if (target.targetType !== "subnet") return;
  const network = parseNetwork(address);
  const host = parseAddress(target.host);
  if (network && host && !contains(network, host)) {
    throw new AppError("service.invalid", `${target.host} is not in the subnet ${address}`, {
      path: `${at}.host`,
      hint: "Use an address of the subnet, or another resource.",
    });
  }
}

type Ports = Awaited<ReturnType<typeof listClusterPorts>>;

function choosePort(
  context: CommandContext,
  draft: ServiceDraft,
  usable: readonly Cluster[],
  proxyCluster: string,
  ports: Ports,
): { listenPort: number; portAutoAssigned: boolean } {
  if (draft.mode === "http") return { listenPort: 0, portAutoAssigned: false };
  if (draft.listenPort !== 0) {
    requireCustomPorts(draft, usable, proxyCluster);
    return { listenPort: draft.listenPort, portAutoAssigned: false };
  }
  const listenPort = chooseListenPort(ports, context.portRange, context.random);
  if (listenPort === undefined) {
    const { first, last } = context.portRange;
    throw new AppError("service.no_free_port", `no port from ${first} to ${last} is free`, {
      path: "listen_port",
    });
  }
  return { listenPort, portAutoAssigned: true };
}

function keepOrChangePort(
  draft: ServiceDraft,
  before: StoredService,
  usable: readonly Cluster[],
  proxyCluster: string,
): { listenPort: number; portAutoAssigned: boolean } {
  if (draft.mode === "http" || draft.listenPort === 0) {
    return { listenPort: before.listenPort, portAutoAssigned: before.portAutoAssigned };
  }
  if (draft.listenPort !== before.listenPort) requireCustomPorts(draft, usable, proxyCluster);
  return { listenPort: draft.listenPort, portAutoAssigned: false };
}

/** tls is told apart by name, so every cluster can do it on any port. */
function requireCustomPorts(draft: ServiceDraft, usable: readonly Cluster[], proxyCluster: string): void {
  if (draft.mode === "tls") return;
  const cluster = usable.find(({ address }) => address.toLowerCase() === proxyCluster.toLowerCase());
  if (cluster?.capabilities.supportsCustomPorts === true) return;
  throw new AppError(
    "service.custom_ports_unsupported",
    `the cluster ${proxyCluster} cannot listen on a port of your choice`,
    { path: "listen_port" },
  );
}

function requireFreePort(
  ports: Ports,
  wanted: { id: ServiceId; mode: StoredService["mode"]; listenPort: number; domainKey: string },
): void {
  if (wanted.mode === "http" || !findPortConflict(ports, wanted)) return;
  throw new AppError(
    "service.port_taken",
    `${wanted.mode} port ${wanted.listenPort} is in use on this cluster`,
    { path: "listen_port" },
  );
}

/** Secrets of disabled members are hashed as well; an empty secret keeps the stored one, if there is any. */
async function hashAuth(
  { password, pin, bearer, headers, token, shareLink, clientCertificate, times, identityToken }: AuthDraft,
  stored: StoredAuth | undefined,
  { dryRun = false }: CommandOptions,
): Promise<StoredAuth> {
  const hashOrKeep = async (secret: string, kept = "") => {
    if (secret === "") return kept;
    // A dry run keeps nothing, so it need not spend the time.
    return dryRun ? "dry-run" : hashOnce(secret);
  };
  const auth: StoredAuth = { ...times };
  if (identityToken) auth.identityToken = true;
  if (times.sessionIdleTime)
    auth.sessionIdleKey = stored?.sessionIdleKey ?? randomBytes(32).toString("base64");
  if (password) {
    const { enabled, secret } = password;
    auth.password = { enabled, hash: await hashOrKeep(secret, stored?.password?.hash) };
  }
  if (pin) {
    const { enabled, secret } = pin;
    auth.pin = { enabled, hash: await hashOrKeep(secret, stored?.pin?.hash) };
  }
  if (bearer) auth.bearer = bearer;
  if (token) auth.token = token;
  if (shareLink) auth.shareLink = shareLink;
  if (clientCertificate) auth.clientCertificate = clientCertificate;
  if (headers) {
    auth.headers = [];
    for (const { enabled, header, secret } of headers) {
      const kept = stored?.headers?.findLast((one) => one.header.toLowerCase() === header.toLowerCase());
      auth.headers.push({ enabled, header, hash: await hashOrKeep(secret, kept?.hash) });
    }
  }
  return auth;
}

/** @throws AppError `service.secret_missing` for an enabled member that has nothing to check against */
function requireSecrets({ password, pin, headers = [] }: StoredAuth): void {
  const members = [
    { member: password, path: "auth.password_auth.password" },
    { member: pin, path: "auth.pin_auth.pin" },
    ...headers.map((member, index) => ({ member, path: `auth.header_auths[${index}].value` })),
  ];
  for (const { member, path } of members) {
    if (!member?.enabled || member.hash !== "") continue;
    throw new AppError("service.secret_missing", "there is no secret to check against", { path });
  }
}

function auditMeta(service: StoredService): Record<string, unknown> {
  const [target] = service.targets;
  return {
    name: service.name,
    domain: service.domain,
    proxy_cluster: service.proxyCluster,
    source: service.source,
    auth: hasEnabledAuth(service.auth),
    mode: service.mode,
    ...(service.listenPort === 0 ? {} : { listen_port: service.listenPort }),
    ...(target?.options.proxyProtocol ? { proxy_protocol: true } : {}),
    ...(target?.options.requestTimeout ? { request_timeout: target.options.requestTimeout } : {}),
    ...(target?.options.sessionIdleTimeout
      ? { session_idle_timeout: target.options.sessionIdleTimeout }
      : {}),
  };
}

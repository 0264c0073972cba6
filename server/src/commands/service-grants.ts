import { AppError, type ErrorCode, type ServiceTokenId, type ShareLinkId } from "@netbird-proxy/proto";
import { hashToken, MAX_LIFETIME_SECONDS, newToken } from "../domain/token.ts";
import { newId } from "../domain/xid.ts";
import { deleteGrantUse } from "../store/grant-uses.ts";
import {
  type StoredGrants,
  type StoredService,
  type StoredServiceToken,
  type StoredShareLink,
  updateServiceColumns,
} from "../store/services.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext } from "./context.ts";
import { reviseService } from "./revise.ts";
import { requireService } from "./services.ts";

/** Of each kind on one service: every proxy of the cluster keeps all of them. */
const MAX_GRANTS = 100;
const MAX_NAME_BYTES = 100;
const MIN_LINK_SECONDS = 60;
const MAX_USES = 1_000_000;
const MAX_PATH_BYTES = 2_000;

/**
 * Makes a credential with which machines use a service. Proxies know it as soon as they know any change of the service.
 *
 * @param expiresInSeconds 0: never
 * @returns the token in clear too; it is not kept
 * @throws AppError `service.not_found`, `service_token.invalid`
 */
export async function createServiceToken(
  context: CommandContext,
  actor: Actor,
  serviceId: string,
  { name, expiresInSeconds }: { name: string; expiresInSeconds: number },
): Promise<{ plain: string; token: StoredServiceToken }> {
  const invalid = refuser("service_token.invalid");
  checkName(name, invalid);
  checkLifetime(expiresInSeconds, 0, "0 (never)", invalid);
  const plain = newToken("nbs_");
  return changeGrants(context, actor, serviceId, async ({ service, grants, nowMs, audit }) => {
    requireHttp(service, invalid);
    if (!service.auth.token?.enabled) {
      invalid("name", `${service.name} takes no service tokens`, "Set auth.token_auth.enabled first.");
    }
    requireRoom(grants.tokens, name, invalid);
    const token: StoredServiceToken = {
      id: newId<ServiceTokenId>(),
      name,
      hash: hashToken(plain),
      createdAt: nowMs,
      createdBy: actor.id,
      expiresAt: expiresInSeconds === 0 ? null : nowMs + expiresInSeconds * 1000,
    };
    await audit("service.token.create", token.id, { name, domain: service.domain });
    return { grants: { ...grants, tokens: [...grants.tokens, token] }, result: { plain, token } };
  });
}

/** Proxies stop taking it as soon as they know. @throws AppError `service.not_found`, `service_token.not_found` */
export async function deleteServiceToken(
  context: CommandContext,
  actor: Actor,
  serviceId: string,
  id: string,
): Promise<void> {
  await changeGrants(context, actor, serviceId, async ({ service, grants, trx, audit }) => {
    const token = grants.tokens.find((one) => one.id === id);
    if (!token) throw new AppError("service_token.not_found", `service token ${id} not found`);
    await deleteGrantUse(trx, id);
    await audit("service.token.delete", id, { name: token.name, domain: service.domain });
    return { grants: { ...grants, tokens: grants.tokens.filter((one) => one !== token) }, result: undefined };
  });
}

/**
 * Makes a link that lets whoever has it into a service.
 *
 * @param maxUses 0: any number
 * @returns the secret of the link in clear too; it is not kept
 * @throws AppError `service.not_found`, `share_link.invalid`
 */
export async function createShareLink(
  context: CommandContext,
  actor: Actor,
  serviceId: string,
  wanted: { name: string; expiresInSeconds: number; maxUses: number; path: string },
): Promise<{ secret: string; link: StoredShareLink; service: StoredService }> {
  const { name, expiresInSeconds, maxUses, path } = wanted;
  const invalid = refuser("share_link.invalid");
  checkName(name, invalid);
  checkLifetime(expiresInSeconds, MIN_LINK_SECONDS, `${MIN_LINK_SECONDS}`, invalid);
  if (maxUses < 0 || maxUses > MAX_USES) {
    invalid("max_uses", `max_uses is a number from 0 (any number of uses) to ${MAX_USES}`);
  }
  if (!isLocalPath(path)) {
    invalid(
      "path",
      "path is a path on the service, such as /report?week=7",
      "Percent-encode what is not ASCII.",
    );
  }
  const secret = newToken("nbl_");
  return changeGrants(context, actor, serviceId, async ({ service, grants, nowMs, audit }) => {
    requireHttp(service, invalid);
    if (!service.auth.shareLink?.enabled) {
      invalid("name", `${service.name} takes no share links`, "Set auth.share_link_auth.enabled first.");
    }
    requireRoom(grants.links, name, invalid);
    const link: StoredShareLink = {
      id: newId<ShareLinkId>(),
      name,
      hash: hashToken(secret),
      path,
      maxUses,
      createdAt: nowMs,
      createdBy: actor.id,
      expiresAt: nowMs + expiresInSeconds * 1000,
    };
    await audit("service.share.link.create", link.id, { name, domain: service.domain });
    return { grants: { ...grants, links: [...grants.links, link] }, result: { secret, link, service } };
  });
}

/** Ends the sessions that came from it too. @throws AppError `service.not_found`, `share_link.not_found` */
export async function deleteShareLink(
  context: CommandContext,
  actor: Actor,
  serviceId: string,
  id: string,
): Promise<void> {
  await changeGrants(context, actor, serviceId, async ({ service, grants, trx, audit }) => {
    const link = grants.links.find((one) => one.id === id);
    if (!link) throw new AppError("share_link.not_found", `share link ${id} not found`);
    await deleteGrantUse(trx, id);
    await audit("service.share.link.delete", id, { name: link.name, domain: service.domain });
    return { grants: { ...grants, links: grants.links.filter((one) => one !== link) }, result: undefined };
  });
}

interface GrantWork extends Work {
  service: StoredService;
  grants: StoredGrants;
}

async function changeGrants<T>(
  context: CommandContext,
  actor: Actor,
  serviceId: string,
  body: (work: GrantWork) => Promise<{ grants: StoredGrants; result: T }>,
): Promise<T> {
  return runCommand(context, actor, async (work) => {
    const service = await requireService(work.trx, actor.account, serviceId);
    const { grants, result } = await body({ ...work, service, grants: service.grants });
    const revision = await reviseService(work, service, service.proxyCluster, "modified");
    await updateServiceColumns(work.trx, actor.account, service.id, { grants, revision });
    return result;
  });
}

type Refuse = (path: string, message: string, hint?: string) => never;

function refuser(code: ErrorCode): Refuse {
  return (path, message, hint) => {
    throw new AppError(code, message, { path, ...(hint === undefined ? {} : { hint }) });
  };
}

function checkName(name: string, invalid: Refuse): void {
  const bytes = Buffer.byteLength(name);
  // It comes back in a header (X-NetBird-User) and in logs.
  if (bytes < 1 || bytes > MAX_NAME_BYTES || !/^[\x20-\x7e]+$/.test(name)) {
    invalid("name", `name must have 1 to ${MAX_NAME_BYTES} bytes of printable ASCII`);
  }
}

function checkLifetime(seconds: number, least: number, leastText: string, invalid: Refuse): void {
  if (seconds < least || seconds > MAX_LIFETIME_SECONDS) {
    invalid("expires_in", `expires_in is a number of seconds from ${leastText} to ${MAX_LIFETIME_SECONDS}`);
  }
}

function requireHttp({ mode, name }: StoredService, invalid: Refuse): void {
  if (mode !== "http")
    invalid("name", `${name} is a service in ${mode} mode, which asks nobody for a credential`);
}

function requireRoom(grants: readonly { name: string }[], name: string, invalid: Refuse): void {
  if (grants.some((one) => one.name === name)) {
    invalid(
      "name",
      `the service has one with the name ${name}`,
      "Delete that one first, or use another name.",
    );
  }
  if (grants.length >= MAX_GRANTS) {
    invalid("name", `the service has ${MAX_GRANTS} already`, "Delete those that are not used any more.");
  }
}

/** Two slashes in front, or a backslash, would lead to another host. */
function isLocalPath(path: string): boolean {
  return path.length <= MAX_PATH_BYTES && /^\/(?!\/)[\x21-\x7e]*$/.test(path) && !/[\\#]/.test(path);
}

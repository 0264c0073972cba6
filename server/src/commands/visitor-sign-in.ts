import { createHash, randomBytes } from "node:crypto";
import { type AccountId, AppError } from "@netbird-proxy/proto";
import { isInRequiredGroups, requiredGroups } from "../domain/service-groups.ts";
import { sessionTag } from "../domain/session-tag.ts";
import { sessionSeconds } from "../domain/session-times.ts";
import { CALLBACK_PATH } from "../identity/embedded/contract.ts";
import type { Identity } from "../identity/identity.ts";
import { signSession } from "../secrets/session-token.ts";
import { listGroupNames } from "../store/find-peer.ts";
import {
  insertPendingSignIn,
  SIGN_IN_VERIFIER_PURPOSE,
  takePendingSignIn,
} from "../store/pending-sign-ins.ts";
import { findServiceByDomain, SESSION_KEY_PURPOSE, type StoredService } from "../store/services.ts";
import { insertSignInCode, takeSignInCode } from "../store/sign-in-codes.ts";
import { getUser, type User } from "../store/users.ts";
import type { CommandContext } from "./context.ts";
import { signIn } from "./sign-in.ts";

/** Source: reference §10.3. */
const SIGN_IN_MS = 10 * 60_000;
/** From our redirect to the proxy's call: no person is in between. */
const CODE_MS = 60_000;
/** Where proxies that bind a sign-in to a browser take the visitor back. */
const PROXY_CALLBACK_PATH = "/.netbird/callback";

export interface VisitorPorts {
  context: CommandContext;
  identity: Identity;
}

/**
 * Sends a visitor of a service to the identity provider. What comes back with them is checked against the database, so any
 * server may get it: the state, which works once, the PKCE verifier and the nonce.
 *
 * @param returnUrl where the visitor wanted to go; its host is the service's
 * @param browserHash SHA-256 of a secret that only the visitor's browser has; undefined with proxies that send none
 * @returns the address to send the browser to
 * @throws AppError `service.not_found`, `identity.unreachable`
 */
export async function beginVisitorSignIn(
  { context, identity }: VisitorPorts,
  account: AccountId,
  returnUrl: URL,
  browserHash?: Uint8Array,
): Promise<string> {
  const service = await findServiceByDomain(context.store.db, returnUrl.hostname);
  if (!service || service.accountId !== account || !service.auth.bearer?.enabled) {
    throw new AppError(
      "service.not_found",
      `no service with single sign-on has the domain ${returnUrl.hostname}`,
      {
        hint: "Enable auth.bearer_auth of the service, or check the account of the proxy.",
      },
    );
  }
  const [state, nonce, verifier] = [token(), token(), token()];
  const codeChallenge = createHash("sha256").update(verifier).digest("base64url");
  const redirectUri = `${identity.publicUrl()}${CALLBACK_PATH}`;
  const url = await identity.client().authorizationUrl({ redirectUri, state, nonce, codeChallenge });
  await insertPendingSignIn(context.store.db, {
    stateHash: hash(state),
    accountId: account,
    domain: service.domain,
    returnUrl: returnUrl.href,
    sealedVerifier: context.store.secrets.seal(verifier, SIGN_IN_VERIFIER_PURPOSE),
    nonce,
    browserHash: browserHash === undefined ? null : Buffer.from(browserHash).toString("hex"),
    expiresAt: context.nowMs() + SIGN_IN_MS,
  });
  return url;
}

export type VisitorOutcome =
  /** Where the browser goes next, with the session or with the reason why there is none. */
  { location: string };

/**
 * The visitor is back from the identity provider. Whether their groups may use the service is the proxy's question, which
 * it asks with ValidateSession. Source: reference §10.3.
 *
 * @param callback the whole address that the browser asked for
 * @throws AppError `identity.unknown_state`, `identity.refused`, `identity.unreachable`, `auth.invalid_token`
 */
export async function completeVisitorSignIn(
  { context, identity }: VisitorPorts,
  callback: URL,
): Promise<VisitorOutcome> {
  const { store, nowMs } = context;
  const state = callback.searchParams.get("state") ?? "";
  const pending = state === "" ? undefined : await takePendingSignIn(store.db, hash(state), nowMs());
  if (!pending) {
    throw new AppError(
      "identity.unknown_state",
      "the sign-in is unknown: it took too long, or was completed before",
    );
  }
  const claims = await identity.client().exchange(callback, {
    state,
    nonce: pending.nonce,
    verifier: store.secrets.open(pending.sealedVerifier, SIGN_IN_VERIFIER_PURPOSE),
  });
  const user = await signIn(context, claims, {
    embedded: identity.embedded !== undefined,
    userIdClaim: identity.userIdClaim,
  });
  const location = new URL(pending.returnUrl);
  location.protocol = "https:";
  if (pending.browserHash !== null) {
    const code = token();
    const { accountId, domain, browserHash, returnUrl } = pending;
    const expiresAt = nowMs() + CODE_MS;
    const bound = {
      codeHash: hash(code),
      accountId,
      domain,
      userId: user.id,
      browserHash,
      returnUrl,
      expiresAt,
    };
    await insertSignInCode(store.db, bound);
    location.pathname = PROXY_CALLBACK_PATH;
    location.search = `?code=${code}`;
    location.hash = "";
    return { location: location.href };
  }
  const service = await findServiceByDomain(store.db, pending.domain);
  const refusal = refusalOf(user, service, pending.accountId);
  if (refusal !== undefined) {
    location.searchParams.set("error", "access_denied");
    location.searchParams.set("error_description", refusal);
    return { location: location.href };
  }
  location.searchParams.set("session_token", await sessionFor(context, service!, user));
  return { location: location.href };
}

export interface Redeemed {
  /** Empty when there is none. */
  sessionToken: string;
  /** Why, for people. */
  refusal: string;
  returnUrl: string;
}

/**
 * Exchanges a visitor's code for a session. Everything is looked at anew, groups included: the user may have been blocked
 * since.
 *
 * @returns undefined when the code is unknown, spent, too old, or of another browser, service or account
 */
export async function redeemVisitorSignIn(
  context: CommandContext,
  account: AccountId,
  { domain, code, browserSecret }: { domain: string; code: string; browserSecret: Uint8Array },
): Promise<Redeemed | undefined> {
  const { store, nowMs } = context;
  const found = code === "" ? undefined : await takeSignInCode(store.db, hash(code), nowMs());
  if (!found || found.accountId !== account || found.domain !== domain) return undefined;
  if (createHash("sha256").update(browserSecret).digest("hex") !== found.browserHash) return undefined;
  const service = await findServiceByDomain(store.db, domain);
  const user = await getUser(store.db, account, found.userId);
  const { returnUrl } = found;
  let refusal = user ? refusalOf(user, service, account) : "Your account belongs to another organisation.";
  if (refusal === undefined && user && service) {
    const required = requiredGroups({ ...service, private: false });
    if (isInRequiredGroups(required, user.autoGroups))
      return { sessionToken: await sessionFor(context, service, user), refusal: "", returnUrl };
    refusal = "You are in none of the groups that may use this service.";
  }
  return { sessionToken: "", refusal: refusal ?? "The service is gone.", returnUrl };
}

function refusalOf(user: User, service: StoredService | undefined, account: AccountId): string | undefined {
  if (!service || service.accountId !== account) return "The service is gone.";
  if (user.accountId !== service.accountId) return "Your account belongs to another organisation.";
  if (user.pendingApproval) return "Your account waits for an administrator's approval.";
  if (user.isBlocked) return "Your account is blocked.";
  return undefined;
}

async function sessionFor(
  { store, nowMs }: CommandContext,
  service: StoredService,
  user: User,
): Promise<string> {
  const key = store.secrets.open(service.sessionPrivateKey, SESSION_KEY_PURPOSE);
  const groups = await listGroupNames(store.db, user.accountId, user.autoGroups);
  const tag = sessionTag(service, "oidc");
  const lifetimeSeconds = sessionSeconds(service.auth);
  const subject = {
    subject: user.id,
    method: "oidc",
    email: user.email,
    tag,
    groups,
    lifetimeSeconds,
  } as const;
  return signSession(key, service.domain, subject, nowMs());
}

function token(): string {
  return randomBytes(32).toString("base64url");
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

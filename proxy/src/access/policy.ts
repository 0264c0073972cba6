import { createPublicKey, type KeyObject } from "node:crypto";
import { BlockList } from "node:net";
import type { management } from "@netbird-proxy/proto/grpc";
import type { RestrictionMode } from "./address-checks.ts";
import type { Caller } from "./caller.ts";
import { parseCidr } from "./cidr.ts";
import { type ClientAuthority, clientAuthority } from "./client-certificate.ts";
import { EndedSessions } from "./ended-sessions.ts";
import { type IdentitySigner, identitySigner } from "./identity-token.ts";
import type { RequestRate } from "./request-rates.ts";
import { type AccessRules, accessRules } from "./rules/access-rules.ts";
import type { TunnelLogin } from "./tunnel-login.ts";

/** Who may use a service. Made from a mapping, never changed. */
export interface AccessPolicy {
  /** False when the mapping says nothing about access at all: then nobody may. */
  readonly decided: boolean;
  readonly addresses: AddressRules | undefined;
  readonly requestRate: RequestRate | undefined;
  /** For parts of the service; empty for most. */
  readonly rules: AccessRules;
  /** Only from inside the overlay. */
  readonly private: boolean;
  /** Undefined: being in the overlay is no login. */
  readonly tunnelLogin: TunnelLogin | undefined;
  readonly password: boolean;
  readonly pin: boolean;
  readonly oidc: boolean;
  /** Header names that carry a credential, in lower case. */
  readonly headerNames: readonly string[];
  /** By SHA-256 in standard base64; undefined when the service takes no service tokens. */
  readonly serviceTokens: ReadonlyMap<string, ServiceToken> | undefined;
  readonly shareLink: boolean;
  /** Undefined when the service takes no client certificates. */
  readonly clientAuthority: ClientAuthority | undefined;
  /** Any scheme at all. */
  readonly authenticated: boolean;
  /** Verifies session cookies; undefined when there is none, and then no cookie is valid. */
  readonly sessionKey: KeyObject | undefined;
  /** Verify sessions from before {@link sessionKey}. */
  readonly formerSessionKeys: readonly { readonly key: KeyObject; readonly untilMs: number }[];
  /** The current tag of each method; a session with another is over. Empty: sessions have none. */
  readonly sessionTags: Readonly<Record<string, string>>;
  readonly sessionMaxAgeSeconds: number;
  /** A session that was left alone for longer is over; undefined: none is. */
  readonly idle: { readonly ms: number; readonly key: Buffer } | undefined;
  /** Tells targets who the visitor is; undefined: in plain headers only. */
  readonly identity: IdentitySigner | undefined;
  /** Sessions that were ended before their time, of all services. */
  readonly ended: EndedSessions;
  /** Sessions found valid, by cookie value. Lives and dies with this policy, on which the decision depended. */
  readonly sessions: Map<string, KnownSession>;
}

export interface ServiceToken {
  readonly caller: Caller;
  readonly expiresAtMs: number;
}

/** A session, or a header credential, that was found valid. */
export interface KnownSession {
  /** Replaced when the user's groups change. */
  caller: Caller;
  readonly expiresAtMs: number;
  /** The last request with it that this proxy knows of; in the beginning, when the session began. */
  usedAtMs: number;
  /** When the browser was told about that. */
  toldAtMs: number;
  /** The session behind a header credential; otherwise the session is its own key. */
  readonly token: string;
  /** When management last vouched for the user of single sign-on; 0: not yet. */
  standingAtMs: number;
  /** Asking it now. */
  check: Promise<void> | undefined;
}

export interface AddressRules {
  readonly allowed: BlockList | undefined;
  readonly blocked: BlockList | undefined;
  readonly cidrMode: RestrictionMode;
  /** Upper case, two letters. */
  readonly countries:
    | {
        readonly allowed: ReadonlySet<string> | undefined;
        readonly blocked: ReadonlySet<string> | undefined;
        readonly mode: RestrictionMode;
      }
    | undefined;
  readonly crowdsec: "off" | RestrictionMode;
}

const DEFAULT_SESSION_SECONDS = 86_400;
/** SubjectPublicKeyInfo of Ed25519 up to the key itself (RFC 8410 §4). */
const ed25519Prefix = Buffer.from("302a300506032b6570032100", "hex");

/** @returns a message when the mapping asks for something that cannot be honoured */
export function accessPolicy(
  mapping: management.ProxyMapping,
  ended = new EndedSessions(),
): { ok: true; value: AccessPolicy } | { ok: false; message: string } {
  const { auth } = mapping;
  const addresses = addressRules(mapping.accessRestrictions);
  if (!addresses.ok) return addresses;
  const rules = accessRules(mapping.accessRules);
  if (typeof rules === "string") return { ok: false, message: rules };
  const sessionKey = auth?.sessionKey ? publicKey(auth.sessionKey) : undefined;
  const formerSessionKeys = (auth?.formerSessionKeys ?? []).map(({ publicKey: text, until }) => ({
    key: publicKey(text),
    untilMs: Number(until) * 1000,
  }));
  if ([sessionKey, ...formerSessionKeys.map(({ key }) => key)].includes("bad"))
    return { ok: false, message: "the session key is not an Ed25519 key of 32 bytes in base64" };
  const headerNames = auth?.headerAuths.map(({ header }) => header.toLowerCase()) ?? [];
  const maxAge = Number(auth?.maxSessionAgeSeconds ?? 0n);
  const idleMs = Number(auth?.sessionIdleSeconds ?? 0n) * 1000;
  const idleKey = Buffer.from(auth?.sessionIdleKey ?? []);
  const identityKey = auth?.identityKey ?? new Uint8Array();
  if (identityKey.length !== 0 && identityKey.length !== 32)
    return { ok: false, message: "the identity key is not the seed of an Ed25519 key, 32 bytes" };
  // Without a key anybody could write the cookie.
  if (idleMs > 0 && idleKey.length < 16)
    return { ok: false, message: "sessions have an idle time and no key of 16 bytes or more for it" };
  return {
    ok: true,
    value: {
      decided: auth !== undefined,
      addresses: addresses.value,
      requestRate: requestRate(mapping.accessRestrictions?.requestRate),
      rules,
      private: mapping.private,
      tunnelLogin: mapping.tunnelLogin && {
        everyPeer: mapping.tunnelLogin.everyPeer,
        groupIds: new Set(mapping.tunnelLogin.groupIds),
      },
      password: auth?.password ?? false,
      pin: auth?.pin ?? false,
      oidc: auth?.oidc ?? false,
      headerNames,
      serviceTokens: auth?.token ? serviceTokens(auth.serviceTokens) : undefined,
      shareLink: auth?.shareLink ?? false,
      clientAuthority: auth?.clientAuthorityPem ? clientAuthority(auth.clientAuthorityPem) : undefined,
      authenticated: Boolean(
        auth?.password ||
          auth?.pin ||
          auth?.oidc ||
          auth?.token ||
          auth?.shareLink ||
          auth?.clientAuthorityPem ||
          headerNames.length > 0,
      ),
      sessionKey: sessionKey as KeyObject | undefined,
      formerSessionKeys: formerSessionKeys as AccessPolicy["formerSessionKeys"],
      sessionTags: auth?.sessionTags ?? {},
      sessionMaxAgeSeconds: maxAge > 0 ? maxAge : DEFAULT_SESSION_SECONDS,
      idle: idleMs > 0 ? { ms: idleMs, key: idleKey } : undefined,
      identity:
        identityKey.length > 0 ? identitySigner(identityKey, mapping.domain.toLowerCase()) : undefined,
      ended,
      sessions: new Map(),
    },
  };
}

/** @param text raw bytes in standard base64 */
function publicKey(text: string): KeyObject | "bad" {
  const raw = Buffer.from(text, "base64");
  if (raw.length !== 32) return "bad";
  return createPublicKey({ key: Buffer.concat([ed25519Prefix, raw]), format: "der", type: "spki" });
}

function serviceTokens(tokens: readonly management.ServiceToken[]): Map<string, ServiceToken> {
  return new Map(
    tokens.map(({ id, name, sha256, expiresAt }) => [
      Buffer.from(sha256).toString("base64"),
      {
        caller: { method: "token", userId: id, user: `token:${name}`, groups: [] },
        expiresAtMs: expiresAt === 0n ? Number.POSITIVE_INFINITY : Number(expiresAt) * 1000,
      },
    ]),
  );
}

function addressRules(
  rules: management.AccessRestrictions | undefined,
): { ok: true; value: AddressRules | undefined } | { ok: false; message: string } {
  if (rules === undefined) return { ok: true, value: undefined };
  const { crowdsecMode: mode, observed } = rules;
  // A rule that cannot be read must not silently become a wider one.
  if (!["", "off", "observe", "enforce"].includes(mode)) {
    return { ok: false, message: `crowdsec_mode ${mode} is not known` };
  }
  const crowdsec = mode === "observe" || mode === "enforce" ? mode : "off";
  const listed = (from: management.AccessRestrictions | undefined, kind: "Cidrs" | "Countries") =>
    from !== undefined && from[`allowed${kind}`].length + from[`blocked${kind}`].length > 0;
  for (const kind of ["Cidrs", "Countries"] as const) {
    if (listed(rules, kind) && listed(observed, kind)) {
      return { ok: false, message: `${kind.toLowerCase()} are both enforced and observed` };
    }
  }
  const cidrs = listed(observed, "Cidrs") ? observed! : rules;
  const allowed = cidrList(cidrs.allowedCidrs);
  const blocked = cidrList(cidrs.blockedCidrs);
  if (typeof allowed === "string") return { ok: false, message: `allowed_cidrs: ${allowed} is not a CIDR` };
  if (typeof blocked === "string") return { ok: false, message: `blocked_cidrs: ${blocked} is not a CIDR` };
  const countries = countryRules(rules, "enforce") ?? countryRules(observed, "observe");
  if (!allowed && !blocked && countries === undefined && crowdsec === "off") {
    return { ok: true, value: undefined };
  }
  const cidrMode = cidrs === rules ? "enforce" : "observe";
  return { ok: true, value: { allowed, blocked, cidrMode, countries, crowdsec } };
}

function requestRate(rate: management.RequestRate | undefined): RequestRate | undefined {
  if (rate === undefined || rate.perMinute === 0) return undefined;
  return {
    perMinute: rate.perMinute,
    burst: Math.max(1, rate.burst),
    mode: rate.observe ? "observe" : "enforce",
  };
}

function countryRules(
  rules: management.AccessRestrictions | undefined,
  mode: RestrictionMode,
): AddressRules["countries"] {
  const allowed = countrySet(rules?.allowedCountries ?? []);
  const blocked = countrySet(rules?.blockedCountries ?? []);
  return allowed || blocked ? { allowed, blocked, mode } : undefined;
}

function countrySet(codes: readonly string[]): ReadonlySet<string> | undefined {
  return codes.length === 0 ? undefined : new Set(codes.map((code) => code.toUpperCase()));
}

/** @returns the entry that is not a CIDR; undefined for an empty list */
function cidrList(entries: readonly string[]): BlockList | string | undefined {
  if (entries.length === 0) return undefined;
  const list = new BlockList();
  for (const entry of entries) {
    const cidr = parseCidr(entry);
    if (cidr === undefined) return entry;
    list.addSubnet(cidr.address, cidr.prefixLength, cidr.family);
  }
  return list;
}

import type { Metadata } from "@grpc/grpc-js";
import { type AccountId, AppError } from "@netbird-proxy/proto";
import type { Peer } from "../store/peers.ts";
import type { ProxyToken } from "../store/proxy-tokens.ts";

/** Who is behind a call, as the interceptor found out. */
export type Caller =
  | { kind: "proxy"; token: ProxyToken; address: string }
  | { kind: "agent"; peer: Peer; address: string }
  | { kind: "anyone"; address: string };

// Handlers get the same metadata object that the interceptor saw; the token itself stays out of their sight.
const callers = new WeakMap<Metadata, Caller>();

export function rememberCaller(metadata: Metadata, caller: Caller): void {
  callers.set(metadata, caller);
}

export function callerOf(call: { metadata: Metadata }): Caller {
  const caller = callers.get(call.metadata);
  if (!caller) throw new Error("a call passed without the interceptor");
  return caller;
}

export function proxyCallerOf(call: { metadata: Metadata }): Extract<Caller, { kind: "proxy" }> {
  const caller = callerOf(call);
  if (caller.kind !== "proxy") throw new Error(`a proxy's call was made by ${caller.kind}`);
  return caller;
}

/** @throws AppError `auth.account_mismatch` when the token is bound to another account */
export function requireAccount(token: ProxyToken, account: string): asserts account is AccountId {
  if (token.accountId === null || token.accountId === account) return;
  throw new AppError("auth.account_mismatch", "the token belongs to another account");
}

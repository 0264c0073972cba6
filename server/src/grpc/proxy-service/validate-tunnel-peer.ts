import type { handleUnaryCall } from "@grpc/grpc-js";
import type { management } from "@netbird-proxy/proto/grpc";
import { formatAddress, parseAddress } from "../../domain/ip-network.ts";
import { isInRequiredGroups, requiredGroups } from "../../domain/service-groups.ts";
import { hasEnabledAuth } from "../../domain/service-warnings.ts";
import { sessionTag } from "../../domain/session-tag.ts";
import { sessionSeconds } from "../../domain/session-times.ts";
import { signSession } from "../../secrets/session-token.ts";
import { findPeerByAddress, listGroupsOfPeer } from "../../store/find-peer.ts";
import { findServiceByDomain, SESSION_KEY_PURPOSE } from "../../store/services.ts";
import { getUser } from "../../store/users.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";
import { groupLists } from "./validate-session.ts";

type Request = management.ValidateTunnelPeerRequest;
type Response = management.ValidateTunnelPeerResponse;

/**
 * Says who is behind an overlay address, and gives that peer a session. The address counts only inside the account of the
 * service. Source: reference §10.5.
 */
export function validateTunnelPeer({ context, log }: GrpcPorts): handleUnaryCall<Request, Response> {
  const { store, nowMs } = context;
  const { db } = store;
  return unary<Request, Response>(log, async (call) => {
    const { domain, tunnelIp } = call.request;
    if (domain === "" || tunnelIp === "") return denied("missing domain or tunnel_ip");
    const address = parseAddress(tunnelIp);
    if (!address) return denied("invalid_tunnel_ip");
    const service = await findServiceByDomain(db, domain);
    if (!service) return denied("service_not_found");
    requireAccount(proxyCallerOf(call).token, service.accountId);
    const peer = await findPeerByAddress(db, service.accountId, formatAddress(address.family, address.value));
    if (!peer) return denied("peer_not_found");
    const owner = peer.userId === null ? undefined : await getUser(db, service.accountId, peer.userId);
    const groups = await listGroupsOfPeer(db, peer.id);
    const identity = {
      userId: owner?.id ?? peer.id,
      userEmail: owner?.email || peer.name,
      ...groupLists(groups),
    };
    if (peer.userId !== null && !owner) return denied("user_not_found");
    if (owner?.pendingApproval) return { ...denied("pending_approval"), ...identity };
    if (owner?.isBlocked) return { ...denied("user_blocked"), ...identity };
    // A PIN that a service asks for is not asked in vain because somebody is in the network (reference §21, item 6).
    if (!service.private && !service.auth.bearer?.enabled && hasEnabledAuth(service.auth)) {
      return { ...denied("no_single_sign_on"), ...identity };
    }
    const groupIds = groups.map(({ id }) => id);
    if (!isInRequiredGroups(requiredGroups(service), groupIds)) {
      return { ...denied("not_in_group"), ...identity };
    }
    const key = store.secrets.open(service.sessionPrivateKey, SESSION_KEY_PURPOSE);
    const tag = sessionTag(service, "oidc");
    const subject = {
      subject: identity.userId,
      method: "oidc",
      email: identity.userEmail,
      tag,
      groups,
      lifetimeSeconds: sessionSeconds(service.auth),
    } as const;
    const sessionToken = await signSession(key, service.domain, subject, nowMs());
    return { valid: true, deniedReason: "", sessionToken, ...identity };
  });
}

function denied(deniedReason: string): Response {
  return {
    valid: false,
    userId: "",
    userEmail: "",
    deniedReason,
    sessionToken: "",
    peerGroupIds: [],
    peerGroupNames: [],
  };
}

import type { handleUnaryCall } from "@grpc/grpc-js";
import type { management } from "@netbird-proxy/proto/grpc";
import { isInRequiredGroups, requiredGroups } from "../../domain/service-groups.ts";
import { readSession } from "../../secrets/session-token.ts";
import { listGroupNames } from "../../store/find-peer.ts";
import { findServiceByDomain } from "../../store/services.ts";
import { getUser } from "../../store/users.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

type Request = management.ValidateSessionRequest;
type Response = management.ValidateSessionResponse;

/**
 * Says whether a session token still stands for somebody who may use the service. A denial is an answer with its reason;
 * the order of the checks is reference §10.4. The user is looked up in the service's account, so another account's user
 * is as unknown as nobody.
 */
export function validateSession({ context, log }: GrpcPorts): handleUnaryCall<Request, Response> {
  const { store, nowMs } = context;
  return unary<Request, Response>(log, async (call) => {
    const { domain, sessionToken } = call.request;
    if (domain === "" || sessionToken === "") return denied("missing domain or session_token");
    const service = await findServiceByDomain(store.db, domain);
    if (!service) return denied("service_not_found");
    requireAccount(proxyCallerOf(call).token, service.accountId);
    if (service.sessionPublicKey === "") return denied("invalid_service_config");
    const subject = await readSession(service, sessionToken, nowMs());
    if (subject === undefined) return denied("invalid_token");
    const user = await getUser(store.db, service.accountId, subject);
    if (!user) return denied("user_not_found");
    const identity = {
      userId: user.id,
      userEmail: user.email,
      ...groupLists(await listGroupNames(store.db, service.accountId, user.autoGroups)),
    };
    if (user.pendingApproval) return { ...denied("pending_approval"), ...identity };
    if (user.isBlocked) return { ...denied("user_blocked"), ...identity };
    // Private services are for peers; here only bearer authentication names groups.
    const required = requiredGroups({ ...service, private: false });
    if (!isInRequiredGroups(required, user.autoGroups)) return { ...denied("not_in_group"), ...identity };
    return { valid: true, deniedReason: "", ...identity };
  });
}

export function groupLists(groups: readonly { id: string; name: string }[]) {
  return { peerGroupIds: groups.map(({ id }) => id), peerGroupNames: groups.map(({ name }) => name) };
}

function denied(deniedReason: string): Response {
  return { valid: false, userId: "", userEmail: "", deniedReason, peerGroupIds: [], peerGroupNames: [] };
}

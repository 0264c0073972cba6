import { createHash } from "node:crypto";
import type { handleUnaryCall } from "@grpc/grpc-js";
import type { control } from "@netbird-proxy/proto/grpc";
import { getAccount, listAccounts } from "../../store/accounts.ts";
import { proxyCallerOf } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

/** How the sign-in pages look, of all accounts that the proxy may serve. */
export function listBrandings({
  context,
  log,
}: GrpcPorts): handleUnaryCall<control.ListBrandingsRequest, control.ListBrandingsResponse> {
  const { db } = context.store;
  return unary(log, async (call) => {
    const { accountId } = proxyCallerOf(call).token;
    const accounts = accountId === null ? await listAccounts(db) : [await getAccount(db, accountId)];
    const brandings = accounts.flatMap((account) => {
      if (!account) return [];
      const { branding_name: name, branding_logo: logo, branding_color: color } = account.settings;
      return name || logo || color ? [{ accountId: account.id, name, logo, color }] : [];
    });
    const version = createHash("sha256").update(JSON.stringify(brandings)).digest("base64url");
    return { version, brandings: version === call.request.version ? [] : brandings };
  });
}

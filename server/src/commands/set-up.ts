import { randomUUID } from "node:crypto";
import { type AccountId, AppError, type GroupId, type UserId } from "@netbird-proxy/proto";
import { ALL_GROUP, newAccountSettings, SINGLE_ACCOUNT_DOMAIN } from "../domain/account-defaults.ts";
import { randomNetworkV4, randomNetworkV6 } from "../domain/overlay-address.ts";
import { newId } from "../domain/xid.ts";
import { hashSecret } from "../secrets/password-hash.ts";
import { countAccounts, insertAccount } from "../store/accounts.ts";
import { insertGroup } from "../store/groups.ts";
import { insertUser } from "../store/users.ts";
import { runCommand } from "./command.ts";
import type { CommandContext } from "./context.ts";
import { createToken } from "./personal-access-tokens.ts";
import { addDefaultPolicy } from "./policies.ts";

export interface SetUpRequest {
  email: string;
  name: string;
  password: string;
  /** Days that a first personal access token is valid; undefined makes none. */
  tokenDays?: number;
}

export interface SetUpResult {
  userId: UserId;
  email: string;
  /** Shown once. */
  personalAccessToken?: string;
}

export async function isSetupRequired(context: CommandContext): Promise<boolean> {
  return (await countAccounts(context.store.db)) === 0;
}

/**
 * Makes the account, its owner, the group All and the policy Default. Works once.
 * @throws AppError `setup.already_done`, `setup.invalid_email`, `setup.invalid_password`, `user.invalid`, `token.invalid`
 */
export async function setUp(context: CommandContext, request: SetUpRequest): Promise<SetUpResult> {
  checkRequest(request);
  // Before the costly hash: anybody may call this.
  if (!(await isSetupRequired(context))) throw alreadyDone();
  const passwordHash = await hashSecret(request.password);
  const account = newId<AccountId>();
  const userId = localUserId();
  const actor = { account, id: userId, name: request.name, email: request.email };
  return runCommand(context, actor, async (work) => {
    const { trx, nowMs } = work;
    if ((await countAccounts(trx)) > 0) throw alreadyDone();
    const all = newId<GroupId>();
    await insertAccount(trx, {
      id: account,
      domain: SINGLE_ACCOUNT_DOMAIN,
      networkV4: randomNetworkV4(context.random),
      networkV6: randomNetworkV6(context.random),
      settings: newAccountSettings({ all }),
      onboardingFlowPending: true,
      signupFormPending: true,
      createdAt: nowMs,
      createdBy: userId,
    });
    await insertUser(trx, {
      id: userId,
      accountId: account,
      email: request.email,
      name: request.name,
      role: "owner",
      passwordHash,
      isServiceUser: false,
      isBlocked: false,
      pendingApproval: false,
      issued: "api",
      autoGroups: [],
      lastLogin: null,
      createdAt: nowMs,
    });
    await insertGroup(trx, {
      id: all,
      accountId: account,
      name: ALL_GROUP,
      issued: "api",
      createdAt: nowMs,
    });
    await addDefaultPolicy(work, account, all);
    await work.audit("account.create", account);
    const token =
      request.tokenDays === undefined
        ? undefined
        : await createToken(work, account, {
            userId,
            name: "setup-token",
            days: request.tokenDays,
            createdBy: userId,
          });
    return { userId, email: request.email, personalAccessToken: token?.plain };
  });
}

function checkRequest({ email, name, password, tokenDays }: SetUpRequest): void {
  if (!/^[^\s@<>]+@[^\s@<>]+$/.test(email)) {
    throw new AppError("setup.invalid_email", `${JSON.stringify(email)} is no e-mail address`, {
      path: "email",
    });
  }
  if (name === "") throw new AppError("user.invalid", "name is required", { path: "name" });
  const bytes = Buffer.byteLength(password);
  if (bytes < 8 || bytes > 72) {
    throw new AppError("setup.invalid_password", "the password must have 8 to 72 bytes", {
      path: "password",
    });
  }
  if (tokenDays !== undefined && !(tokenDays >= 1 && tokenDays <= 365)) {
    throw new AppError("token.invalid", "pat_expire_in must be 1 to 365 days", { path: "pat_expire_in" });
  }
}

function alreadyDone(): AppError {
  return new AppError("setup.already_done", "the server is set up already");
}

/** As NetBird's embedded identity provider writes it: protobuf {1: uuid, 2: "local"} in unpadded base64. */
function localUserId(): UserId {
  const uuid = randomUUID();
  const bytes = Buffer.concat([
    Buffer.from([0x0a, uuid.length]),
    Buffer.from(uuid),
    Buffer.from([0x12, 5]),
    Buffer.from("local"),
  ]);
  return bytes.toString("base64").replace(/=+$/, "") as UserId;
}

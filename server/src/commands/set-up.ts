import { type AccountId, AppError, type UserId } from "@netbird-proxy/proto";
import { isEmailAddress } from "../domain/email-address.ts";
import { newLocalUserId } from "../domain/local-user-id.ts";
import { newId } from "../domain/xid.ts";
import { hashSecret } from "../secrets/password-hash.ts";
import { countAccounts } from "../store/accounts.ts";
import { runCommand } from "./command.ts";
import type { CommandContext } from "./context.ts";
import { addAccount } from "./new-account.ts";
import { createToken } from "./personal-access-tokens.ts";

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
  const userId = newLocalUserId();
  const actor = { account, id: userId, name: request.name, email: request.email };
  return runCommand(context, actor, async (work) => {
    if ((await countAccounts(work.trx)) > 0) throw alreadyDone();
    await addAccount(work, context, account, {
      id: userId,
      email: request.email,
      name: request.name,
      passwordHash,
      isServiceUser: false,
      isBlocked: false,
      pendingApproval: false,
      issued: "api",
      autoGroups: [],
      lastLogin: null,
      signedOutAt: null,
    });
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
  if (!isEmailAddress(email)) {
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

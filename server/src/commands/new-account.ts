import type { AccountId, GroupId } from "@netbird-proxy/proto";
import { ALL_GROUP, newAccountSettings, SINGLE_ACCOUNT_DOMAIN } from "../domain/account-defaults.ts";
import { randomNetworkV4, randomNetworkV6 } from "../domain/overlay-address.ts";
import { newId } from "../domain/xid.ts";
import { insertAccount } from "../store/accounts.ts";
import { insertGroup } from "../store/groups.ts";
import { insertUser, type User } from "../store/users.ts";
import type { Work } from "./command.ts";
import type { CommandContext } from "./context.ts";
import { addDefaultPolicy } from "./policies.ts";

/** The account, its owner, the group All and the policy Default, inside another command. Source: reference §6.3. */
export async function addAccount(
  work: Work,
  { random }: CommandContext,
  account: AccountId,
  owner: Omit<User, "accountId" | "role" | "createdAt">,
): Promise<User> {
  const { trx, nowMs } = work;
  const all = newId<GroupId>();
  await insertAccount(trx, {
    id: account,
    domain: SINGLE_ACCOUNT_DOMAIN,
    networkV4: randomNetworkV4(random),
    networkV6: randomNetworkV6(random),
    settings: newAccountSettings({ all }),
    onboardingFlowPending: true,
    signupFormPending: true,
    createdAt: nowMs,
    createdBy: owner.id,
  });
  const user: User = { ...owner, accountId: account, role: "owner", createdAt: nowMs };
  await insertUser(trx, user);
  await insertGroup(trx, { id: all, accountId: account, name: ALL_GROUP, issued: "api", createdAt: nowMs });
  await addDefaultPolicy(work, account, all);
  await work.audit("account.create", account);
  return user;
}

import type { Account } from "@netbird-proxy/proto/rest";
import type { Account as StoredAccount } from "../../store/accounts.ts";
import { timestamp } from "./timestamp.ts";

export function viewAccount(account: StoredAccount, { embedded }: { embedded: boolean }): Account {
  return {
    id: account.id,
    created_at: timestamp(account.createdAt),
    created_by: account.createdBy,
    domain: account.domain,
    domain_category: "private",
    onboarding: {
      onboarding_flow_pending: account.onboardingFlowPending,
      signup_form_pending: account.signupFormPending,
    },
    settings: {
      ...account.settings,
      network_range: account.networkV4,
      network_range_v6: account.networkV6,
      embedded_idp_enabled: embedded,
      local_auth_disabled: !embedded,
    },
  };
}

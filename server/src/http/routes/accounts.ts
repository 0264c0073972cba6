import { Account, AccountRequest, DryRunQuery, EmptyObject, IdParams } from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { type AccountDraft, changeAccount, removeAccount, requireAccount } from "../../commands/accounts.ts";
import { requirePermission } from "../../domain/permissions.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewAccount } from "../views/account.ts";
import { answers } from "./responses.ts";

export function registerAccountRoutes(app: App, { context, identity }: HttpPorts): void {
  const tags = ["accounts"];
  const kept = { embedded: identity.embedded !== undefined };

  app.get(
    "/api/accounts",
    {
      config: { permission: ["accounts", "read"] },
      schema: { tags, response: answers(Type.Array(Account)) },
    },
    async (request): Promise<Account[]> => {
      const { user, actor } = request.caller;
      requirePermission(user, "settings", "read");
      return [viewAccount(await requireAccount(context.store.db, actor.account), kept)];
    },
  );

  app.put(
    "/api/accounts/:id",
    {
      config: { permission: ["settings", "update"], invalidCode: "account.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: AccountRequest,
        response: answers(Account),
      },
    },
    async (request): Promise<Account> => {
      const { caller, params, body, query } = request;
      const options = { dryRun: isDryRun(query) };
      return viewAccount(await changeAccount(context, caller.actor, params.id, draftOf(body), options), kept);
    },
  );

  app.delete(
    "/api/accounts/:id",
    {
      config: { permission: ["accounts", "delete"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      const { caller, params, query } = request;
      await removeAccount(context, caller.actor, params.id, { dryRun: isDryRun(query) });
      return {};
    },
  );
}

/** Key by key: whatever else a request holds is not kept. */
function draftOf({ settings, onboarding }: AccountRequest): AccountDraft {
  const { extra } = settings;
  return {
    settings: {
      peer_login_expiration_enabled: settings.peer_login_expiration_enabled,
      peer_login_expiration: settings.peer_login_expiration,
      peer_inactivity_expiration_enabled: settings.peer_inactivity_expiration_enabled,
      peer_inactivity_expiration: settings.peer_inactivity_expiration,
      regular_users_view_blocked: settings.regular_users_view_blocked,
      groups_propagation_enabled: settings.groups_propagation_enabled,
      jwt_groups_enabled: settings.jwt_groups_enabled,
      jwt_groups_claim_name: settings.jwt_groups_claim_name,
      jwt_allow_groups: settings.jwt_allow_groups,
      routing_peer_dns_resolution_enabled: settings.routing_peer_dns_resolution_enabled,
      lazy_connection_enabled: settings.lazy_connection_enabled,
      dns_domain: settings.dns_domain,
      ipv6_enabled_groups: settings.ipv6_enabled_groups,
      peer_expose_enabled: settings.peer_expose_enabled,
      peer_expose_groups: settings.peer_expose_groups ?? null,
      auto_update_version: settings.auto_update_version,
      auto_update_always: settings.auto_update_always,
      metrics_push_enabled: settings.metrics_push_enabled,
      local_mfa_enabled: settings.local_mfa_enabled,
      ...(settings.branding_name === undefined ? {} : { branding_name: settings.branding_name }),
      ...(settings.branding_logo === undefined ? {} : { branding_logo: settings.branding_logo }),
      ...(settings.branding_color === undefined ? {} : { branding_color: settings.branding_color }),
      ...(extra
        ? {
            extra: {
              peer_approval_enabled: extra.peer_approval_enabled,
              user_approval_required: extra.user_approval_required,
              network_traffic_logs_enabled: extra.network_traffic_logs_enabled,
              network_traffic_logs_groups: extra.network_traffic_logs_groups,
              network_traffic_packet_counter_enabled: extra.network_traffic_packet_counter_enabled,
            },
          }
        : {}),
    },
    networkV4: settings.network_range,
    networkV6: settings.network_range_v6,
    ...(onboarding
      ? {
          onboarding: {
            flowPending: onboarding.onboarding_flow_pending,
            signupFormPending: onboarding.signup_form_pending,
          },
        }
      : {}),
  };
}

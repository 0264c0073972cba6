import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readEnvironment } from "../src/config.ts";
import type { Attributes } from "../src/framework/schema.ts";
import { netbirdProvider } from "../src/netbird-provider.ts";

interface JsonSchema {
  $ref?: string;
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
}

const contract = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8")) as {
  paths: Record<string, unknown>;
  components: { schemas: Record<string, JsonSchema> };
};
const provider = netbirdProvider(readEnvironment({}));

/** Schemas of the REST contract by the resource that speaks them: what is sent, and what is told. */
const spoken: Record<string, string[]> = {
  netbird_account_settings: ["AccountSettings", "AccountSettingsRequest", "AccountExtraSettings"],
  netbird_certificate: ["Certificate", "CertificateRequest"],
  netbird_custom_domain: ["ReverseProxyDomain", "ReverseProxyDomainRequest"],
  netbird_dns_credentials: ["DnsCredentials", "DnsCredentialsRequest"],
  netbird_group: ["Group", "GroupRequest"],
  netbird_network: ["Network", "NetworkRequest"],
  netbird_network_resource: ["NetworkResource", "NetworkResourceRequest"],
  netbird_network_router: ["NetworkRouter", "NetworkRouterRequest"],
  netbird_peer: ["Peer", "PeerUpdate"],
  netbird_policy: ["Policy", "PolicyRequest"],
  netbird_proxy_service: ["Service", "ServiceRequest"],
  netbird_proxy_service_target: ["OwnedServiceTarget", "ServiceTargetRequest"],
  netbird_proxy_service_token: ["ServiceToken", "ServiceTokenRequest"],
  netbird_proxy_share_link: ["ShareLink", "ShareLinkRequest"],
  netbird_proxy_token: ["ProxyToken", "ProxyTokenRequest"],
  netbird_setup_key: ["SetupKey", "SetupKeyRequest", "SetupKeyUpdate"],
  netbird_token: ["PersonalAccessToken", "PersonalAccessTokenRequest"],
  netbird_user: ["User", "UserRequest", "UserUpdate"],
  netbird_wireguard_peer: ["PeerRequest", "PeerCreated"],
};

/** Fields that have another name in the provider, or none, and why. */
const elsewhere: Record<string, Record<string, string>> = {
  netbird_account_settings: {
    embedded_idp_enabled: "a fact about the server, which its operator sets",
    extra: "its fields are attributes of their own",
    local_auth_disabled: "a fact about the server, which its operator sets",
  },
  netbird_custom_domain: {
    require_subdomain: "about the cluster: data.netbird_proxy_clusters",
    supports_crowdsec: "about the cluster",
    supports_custom_ports: "about the cluster: data.netbird_proxy_clusters",
    supports_private: "about the cluster",
    type: "always custom; data.netbird_proxy_domains lists both types",
    validation: "`validated`, `validation_records`, and the error of a wait that failed",
  },
  netbird_dns_credentials: { provider: "a reserved word of Terraform; follows from the block that is given" },
  netbird_policy: { rules: "`rule` blocks, as NetBird's own provider has them" },
  netbird_proxy_service: {
    "auth.bearer_auth": "auth.sso",
    "auth.client_certificate_auth": "auth.client_certificates",
    "auth.header_auths": "auth.headers, by the header's name",
    "auth.link_auth":
      "the server takes and forgets it; netbird_reverse_proxy_service has it, as NetBird's own provider does",
    "auth.password_auth": "auth.password",
    "auth.pin_auth": "auth.pin",
    "auth.share_link_auth": "auth.share_links",
    "auth.token_auth": "auth.service_tokens",
    meta: "status, status_reason, certificate and live_on",
    port_auto_assigned: "follows from whether listen_port is configured",
    "targets.path": "the key of the map",
    terminated: "set by whoever runs the server; a refused change says so",
    warnings: "warnings of the plan",
  },
  netbird_proxy_service_token: { expires_in: "expiry_seconds" },
  netbird_proxy_share_link: { expires_in: "expiry_seconds" },
  netbird_proxy_token: { expires_in: "expiry_seconds", revoked: "a revoked token counts as gone" },
  netbird_setup_key: { expires_in: "expiry_seconds" },
  netbird_token: { created_by: "always the user of the provider's token", expires_in: "expiration_days" },
  netbird_wireguard_peer: Object.fromEntries(
    [
      "approval_required",
      "city_name",
      "connected",
      "connection_ip",
      "country_code",
      "created_at",
      "ephemeral",
      "extra_dns_labels",
      "geoname_id",
      "hostname",
      "inactivity_expiration_enabled",
      "kernel_version",
      "kind",
      "last_login",
      "last_seen",
      "latest_handshake",
      "login_expiration_enabled",
      "login_expired",
      "os",
      "serial_number",
      "ssh_enabled",
      "ui_version",
      "user_id",
      "version",
    ].map((name) => [name, "of a peer that runs an agent, or shown by data.netbird_peer"]),
  ),
};

/** Schemas that belong to no resource, and why. */
const notManaged: Record<string, string> = {
  AccessLog: "traffic, not configuration",
  AccessLogPage: "traffic, not configuration",
  Account: "the envelope of AccountSettings",
  AccountOnboarding: "state of the dashboard's first steps",
  AccountRequest: "the envelope of AccountSettingsRequest",
  AuditEvent: "history",
  BatchRequest: "a way to write, not an object",
  BatchResponse: "a way to write, not an object",
  CurrentUser: "netbird_user has is_current",
  Diagnosis: "asked by people; its findings are status_reason",
  DiagnosisCheck: "part of Diagnosis",
  Empty: "nothing",
  Error: "becomes diagnostics",
  Instance: "tells the provider what the server offers",
  InstanceVersion: "about the server",
  PasswordChange: "a person's own business",
  Preflight: "asked by people before they plan; a failed certificate is in status_reason",
  PreflightCheck: "part of Preflight",
  PeerListItem: "netbird_peer, in lists",
  PersonalAccessTokenCreated: "the envelope of a new netbird_token",
  ProxyCluster: "a cluster is where proxies are; data.netbird_proxy_clusters",
  ProxyServiceStatus: "status of one proxy; folded into status and live_on",
  ProxyTokenCreated: "a new netbird_proxy_token, with `token`",
  ServiceTokenCreated: "a new netbird_proxy_service_token, with `token`",
  ShareLinkCreated: "a new netbird_proxy_share_link, with `url`",
  ServiceStatusDetail: "folded into status and status_reason",
  SetupRequest: "before there is an account",
  SetupResponse: "before there is an account",
  TargetStatus: "folded into status_reason",
  UserInvite: "an errand of a person, over in days",
  UserInviteAcceptRequest: "an errand of a person",
  UserInviteAcceptResponse: "an errand of a person",
  UserInviteCreateRequest: "an errand of a person",
  UserInviteInfo: "an errand of a person",
  UserInviteRegenerateRequest: "an errand of a person",
  UserInviteRegenerateResponse: "an errand of a person",
};

/** Fields of the contract that the attributes lack, as paths. */
function missing(schema: JsonSchema, attributes: Attributes, at = ""): string[] {
  return Object.entries(propertiesOf(schema)).flatMap(([name, field]) => {
    const path = at === "" ? name : `${at}.${name}`;
    const attribute = attributes[name];
    if (attribute === undefined) return [path];
    return attribute.nested === undefined ? [] : missing(field, attribute.nested.attributes, path);
  });
}

function propertiesOf(schema: JsonSchema): Record<string, JsonSchema> {
  if (schema.$ref !== undefined) return propertiesOf(named(schema.$ref.split("/").at(-1)!));
  if (schema.items !== undefined) return propertiesOf(schema.items);
  if (schema.anyOf !== undefined) return Object.assign({}, ...schema.anyOf.map(propertiesOf)) as never;
  return schema.properties ?? {};
}

function named(name: string): JsonSchema {
  const schema = contract.components.schemas[name];
  assert.ok(schema, `the contract has no ${name}`);
  return schema;
}

suite("the REST contract", () => {
  for (const [typeName, schemas] of Object.entries(spoken))
    test(`${typeName} has every field of ${schemas.join(", ")}, or says why not`, () => {
      const resource = provider.resources.find((one) => one.typeName === typeName)!;
      const lacking = new Set(schemas.flatMap((name) => missing(named(name), resource.schema.attributes)));
      assert.deepEqual([...lacking].sort(), Object.keys(elsewhere[typeName] ?? {}).sort());
    });

  test("every schema of the contract belongs to a resource, or says why not", () => {
    const covered = new Set(Object.values(spoken).flat());
    const inside = new Set<string>();
    const visit = (schema: unknown): void => {
      if (typeof schema !== "object" || schema === null) return;
      const { $ref } = schema as JsonSchema;
      const name = $ref?.split("/").at(-1);
      if (name !== undefined && !inside.has(name) && name in contract.components.schemas) {
        inside.add(name);
        visit(contract.components.schemas[name]);
      }
      for (const one of Object.values(schema)) visit(one);
    };
    for (const name of covered) visit(named(name));
    const rest = Object.keys(contract.components.schemas).filter(
      (name) => !covered.has(name) && !inside.has(name),
    );
    assert.deepEqual(rest.sort(), Object.keys(notManaged).sort());
  });
});

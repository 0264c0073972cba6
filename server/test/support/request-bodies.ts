import { createAuthority, issueCertificate } from "../../../scripts/stack/local-ca.ts";
import { CLUSTER, type RestServer } from "./rest-server.ts";

export interface WriteRoute {
  method: "POST" | "PUT";
  path: string;
  /** One that is accepted, with every kind of field. */
  body: Record<string, unknown>;
}

/** Every route that takes a body, with objects that exist and a body that fits. */
export async function writeRoutes(server: RestServer): Promise<WriteRoute[]> {
  const made = async (path: string, body: unknown) => {
    const answer = await server.call("POST", path, body);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.text}`);
    return answer.body;
  };
  const peer = await made("/peers", { name: "device" });
  const group = { name: "group", peers: [peer.id], resources: [] };
  const groupId = (await made("/groups", group)).id;
  const network = { name: "network", description: "text" };
  const networkId = (await made("/networks", network)).id;
  const resource = { name: "host", description: "", address: "10.1.2.3", enabled: true, groups: [groupId] };
  const resourceId = (await made(`/networks/${networkId}/resources`, resource)).id;
  const router = { peer: peer.id, metric: 9999, masquerade: true, enabled: true };
  const routerId = (await made(`/networks/${networkId}/routers`, router)).id;
  const setupKey = {
    name: "key",
    type: "reusable",
    expires_in: 86_400,
    auto_groups: [groupId],
    usage_limit: 3,
    ephemeral: false,
    allow_extra_dns_labels: false,
  };
  const setupKeyId = (await made("/setup-keys", setupKey)).id;
  const policy = {
    name: "policy",
    description: "",
    enabled: true,
    source_posture_checks: [],
    rules: [
      {
        name: "rule",
        description: "",
        enabled: true,
        action: "accept",
        bidirectional: true,
        protocol: "tcp",
        ports: ["80"],
        sources: [groupId],
        destinations: [groupId],
      },
    ],
  };
  const policyId = (await made("/policies", policy)).id;
  const target = {
    target_id: peer.id,
    target_type: "peer",
    protocol: "http",
    port: 3000,
    path: "/",
    enabled: true,
    options: { request_timeout: "30s", path_rewrite: "preserve", custom_headers: { "X-Test": "1" } },
  };
  const service = {
    name: "service",
    domain: `service.${CLUSTER}`,
    mode: "http",
    enabled: true,
    public: true,
    pass_host_header: true,
    rewrite_redirects: false,
    targets: [target, { ...target, path: "/api", target_type: "host", target_id: resourceId, options: {} }],
    auth: {
      password_auth: { enabled: true, password: "secret" },
      pin_auth: { enabled: false, pin: "" },
      bearer_auth: { enabled: true, distribution_groups: [groupId] },
      header_auths: [{ enabled: true, header: "X-Key", value: "value" }],
    },
    access_restrictions: {
      allowed_cidrs: ["192.0.2.0/24"],
      blocked_countries: ["NL"],
      crowdsec_mode: "observe",
      cidr_mode: "observe",
      country_mode: "enforce",
    },
    access_rules: [
      { path_prefix: "/webhook", methods: ["POST"], header: { name: "X-Hook", value: "v" }, action: "allow" },
      { path: "/admin", action: "require", require: ["password", "sso"], mode: "observe" },
    ],
    private: false,
    access_groups: [groupId],
  };
  const serviceId = (await made("/reverse-proxies/services", service)).id;
  const relay = {
    name: "relay",
    domain: `relay.${CLUSTER}`,
    mode: "tcp",
    listen_port: 20_000,
    enabled: true,
    public: true,
    targets: [{ target_id: peer.id, target_type: "peer", protocol: "tcp", port: 5432, enabled: true }],
  };
  const pair = await issueCertificate(await createAuthority("test"), [`service.${CLUSTER}`]);
  const certificate = { name: "own", certificate_chain: pair.certificate, private_key: pair.key };
  const certificateId = (await made("/reverse-proxies/certificates", certificate)).id;
  const dns = {
    domain: `service.${CLUSTER}`,
    wildcard: true,
    provider: "rfc2136",
    rfc2136: {
      server: "192.0.2.53:5353",
      key_name: "acme",
      key_algorithm: "hmac-sha512",
      key_secret: Buffer.alloc(32, 7).toString("base64"),
      zone: "example.net",
    },
    propagation_seconds: 10,
  };
  const dnsId = (await made("/reverse-proxies/dns-credentials", dns)).id;
  const user = { name: "robot", role: "user", auto_groups: [groupId], is_service_user: true };
  const userId = (await made("/users", user)).id;
  const [account] = (await server.call("GET", "/accounts")).body;
  const named = { name: "second" };
  return [
    { method: "POST", path: "/groups", body: { ...group, ...named } },
    { method: "PUT", path: `/groups/${groupId}`, body: group },
    { method: "POST", path: "/peers", body: { name: "second" } },
    {
      method: "PUT",
      path: `/peers/${peer.id}`,
      body: {
        name: "device",
        ssh_enabled: false,
        login_expiration_enabled: false,
        inactivity_expiration_enabled: false,
      },
    },
    { method: "POST", path: "/networks", body: { ...network, ...named } },
    { method: "PUT", path: `/networks/${networkId}`, body: network },
    { method: "POST", path: `/networks/${networkId}/resources`, body: { ...resource, ...named } },
    { method: "PUT", path: `/networks/${networkId}/resources/${resourceId}`, body: resource },
    { method: "POST", path: `/networks/${networkId}/routers`, body: router },
    { method: "PUT", path: `/networks/${networkId}/routers/${routerId}`, body: router },
    { method: "POST", path: "/setup-keys", body: setupKey },
    { method: "PUT", path: `/setup-keys/${setupKeyId}`, body: { auto_groups: [groupId], revoked: false } },
    { method: "POST", path: "/policies", body: { ...policy, ...named } },
    { method: "PUT", path: `/policies/${policyId}`, body: policy },
    {
      method: "POST",
      path: "/reverse-proxies/services",
      body: { ...service, ...named, domain: `second.${CLUSTER}` },
    },
    { method: "PUT", path: `/reverse-proxies/services/${serviceId}`, body: service },
    { method: "POST", path: "/reverse-proxies/services", body: relay },
    {
      method: "POST",
      path: `/reverse-proxies/services/${serviceId}/targets`,
      body: { ...target, path: "/more" },
    },
    {
      method: "POST",
      path: "/reverse-proxies/domains",
      body: { domain: "apps.example.test", target_cluster: CLUSTER },
    },
    { method: "POST", path: "/reverse-proxies/certificates", body: certificate },
    { method: "PUT", path: `/reverse-proxies/certificates/${certificateId}`, body: certificate },
    {
      method: "POST",
      path: "/reverse-proxies/dns-credentials",
      body: { ...dns, domain: `second.${CLUSTER}` },
    },
    { method: "PUT", path: `/reverse-proxies/dns-credentials/${dnsId}`, body: dns },
    { method: "POST", path: "/reverse-proxies/proxy-tokens", body: { name: "token", expires_in: 3600 } },
    { method: "POST", path: "/users", body: { ...user, ...named } },
    {
      method: "PUT",
      path: `/users/${userId}`,
      body: { role: "auditor", auto_groups: [groupId], is_blocked: false },
    },
    { method: "POST", path: `/users/${userId}/tokens`, body: { name: "token", expires_in: 30 } },
    { method: "PUT", path: `/accounts/${account.id}`, body: { settings: account.settings } },
    {
      method: "POST",
      path: "/batch",
      body: { operations: [{ method: "POST", path: "/api/groups", body: { name: "batched" }, ref: "g" }] },
    },
  ];
}

import Type, { type Static } from "typebox";
import { serviceStates } from "../status.ts";
import { Nullable, Timestamp } from "./shared.ts";

// Requests: a required key has a default where NetBird takes the zero value for a missing one. The document then says
// "required", and a client that leaves it out is served as NetBird would.

export const serviceModes = ["http", "tcp", "udp", "tls"] as const;
export type ServiceModeName = (typeof serviceModes)[number];
export const targetTypes = ["peer", "host", "domain", "subnet", "cluster"] as const;
export const targetProtocols = ["http", "https", "tcp", "udp"] as const;

const GoDuration = Type.String({ description: "Go duration, such as 30s or 1m30s.", examples: ["30s"] });

export const ServiceTargetOptionsRequest = Type.Object(
  {
    skip_tls_verify: Type.Optional(Type.Boolean()),
    request_timeout: Type.Optional(GoDuration),
    session_idle_timeout: Type.Optional(GoDuration),
    path_rewrite: Type.Optional(
      Type.Enum(["", "preserve"], { description: "Absent: the matched path prefix is cut off." }),
    ),
    custom_headers: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: "At most 16, set on the upstream request." }),
    ),
    proxy_protocol: Type.Optional(Type.Boolean({ description: "PROXY protocol v2, modes tcp and tls." })),
    direct_upstream: Type.Optional(Type.Boolean({ description: "Dial from the proxy's own network." })),
  },
  { title: "ServiceTargetOptionsRequest" },
);
export type ServiceTargetOptionsRequest = Static<typeof ServiceTargetOptionsRequest>;

export const ServiceTargetRequest = Type.Object(
  {
    target_id: Type.String({ default: "", description: "Peer id, network resource id, or cluster address." }),
    target_type: Type.Enum([...targetTypes]),
    protocol: Type.String({ default: "", description: "http, https, tcp or udp." }),
    port: Type.Integer({
      default: 0,
      description: "1 to 65535; 0 in http mode is the protocol's default port.",
    }),
    host: Type.Optional(Type.String({ description: "Needed for subnet and cluster targets." })),
    path: Type.Optional(Type.String({ description: "Path prefix, http mode only; absent means /." })),
    enabled: Type.Optional(Type.Boolean({ description: "Absent means false." })),
    options: Type.Optional(ServiceTargetOptionsRequest),
  },
  { title: "ServiceTargetRequest" },
);
export type ServiceTargetRequest = Static<typeof ServiceTargetRequest>;

export const ServiceAuthRequest = Type.Object(
  {
    password_auth: Type.Optional(
      Type.Object({
        enabled: Type.Boolean({ default: false }),
        password: Type.String({ default: "", description: "Empty on update keeps the stored one." }),
      }),
    ),
    pin_auth: Type.Optional(
      Type.Object({
        enabled: Type.Boolean({ default: false }),
        pin: Type.String({ default: "", description: "Empty on update keeps the stored one." }),
      }),
    ),
    bearer_auth: Type.Optional(
      Type.Object({
        enabled: Type.Boolean({ default: false }),
        distribution_groups: Type.Optional(
          Type.Array(Type.String(), { description: "Group ids; empty means every active user." }),
        ),
      }),
    ),
    link_auth: Type.Optional(Type.Object({ enabled: Type.Boolean({ default: false }) })),
    header_auths: Type.Optional(
      Type.Array(
        Type.Object({
          enabled: Type.Boolean({ default: false }),
          header: Type.String({ default: "" }),
          value: Type.String({ default: "", description: "Empty on update keeps the stored one." }),
        }),
      ),
    ),
    token_auth: Type.Optional(
      Type.Object(
        { enabled: Type.Boolean({ default: false }) },
        { description: "Service tokens, for machines; made below /services/{id}/tokens." },
      ),
    ),
    share_link_auth: Type.Optional(
      Type.Object(
        { enabled: Type.Boolean({ default: false }) },
        { description: "Links that let in whoever has them; made below /services/{id}/share-links." },
      ),
    ),
    client_certificate_auth: Type.Optional(
      Type.Object({
        enabled: Type.Boolean({ default: false }),
        ca_certificates: Type.String({
          default: "",
          description: "PEM certificates of the authorities whose client certificates let in.",
        }),
      }),
    ),
    session_length: Type.Optional(
      Type.String({
        description: "How long a session lasts, such as 8h: 1m to 720h. Absent means a day.",
      }),
    ),
    session_idle_time: Type.Optional(
      Type.String({
        description:
          "A session ends after that long without a request: 1m to session_length. Absent means never.",
      }),
    ),
    identity_token: Type.Optional(
      Type.Boolean({
        description: "Targets get a signed token about the visitor in X-NetBird-Identity.",
      }),
    ),
  },
  { title: "ServiceAuthRequest" },
);
export type ServiceAuthRequest = Static<typeof ServiceAuthRequest>;

export const AccessRestrictions = Type.Object(
  {
    allowed_cidrs: Type.Optional(Type.Array(Type.String())),
    blocked_cidrs: Type.Optional(Type.Array(Type.String())),
    allowed_countries: Type.Optional(Type.Array(Type.String(), { description: "ISO 3166-1 alpha-2." })),
    blocked_countries: Type.Optional(Type.Array(Type.String(), { description: "ISO 3166-1 alpha-2." })),
    crowdsec_mode: Type.Optional(Type.Enum(["off", "enforce", "observe"])),
    // The rest is ours.
    cidr_mode: Type.Optional(
      Type.Enum(["enforce", "observe"], {
        description:
          "observe: everybody passes, and the access log says who would not. Absent means enforce.",
      }),
    ),
    country_mode: Type.Optional(
      Type.Enum(["enforce", "observe"], { description: "As cidr_mode, for the lists of countries." }),
    ),
    request_rate: Type.Optional(
      Type.Object(
        {
          per_minute: Type.Integer({ default: 0, description: "1 to 1,000,000." }),
          burst: Type.Optional(
            Type.Integer({ description: "How many may come at once. Absent means per_minute." }),
          ),
          mode: Type.Optional(Type.Enum(["enforce", "observe"])),
        },
        { description: "Requests of one address (IPv6: /64) at each proxy. Mode http." },
      ),
    ),
  },
  { title: "AccessRestrictions" },
);
export type AccessRestrictions = Static<typeof AccessRestrictions>;

/** Ours. */
export const AccessRule = Type.Object(
  {
    path: Type.Optional(Type.String({ description: "Exactly this path, decoded." })),
    path_prefix: Type.Optional(Type.String({ description: "This path and everything below it, decoded." })),
    methods: Type.Optional(
      Type.Array(Type.String(), {
        description: "Capital letters; absent means every method. GET has HEAD with it.",
      }),
    ),
    header: Type.Optional(
      Type.Object({
        name: Type.String(),
        value: Type.Optional(Type.String({ description: "Absent: the header only has to be there." })),
      }),
    ),
    action: Type.Enum(["allow", "deny", "require"], {
      description: "allow: nobody is asked to sign in. require: only what `require` names is enough.",
    }),
    require: Type.Optional(
      Type.Array(Type.Enum(["password", "pin", "sso", "header", "token", "certificate", "share_link"]), {
        description: "Any one of these, which auth has enabled.",
      }),
    ),
    mode: Type.Optional(
      Type.Enum(["enforce", "observe"], {
        description: "observe: the rule decides nothing, and the access log says whom it would have refused.",
      }),
    ),
  },
  { title: "AccessRule" },
);
export type AccessRule = Static<typeof AccessRule>;

export const ServiceRequest = Type.Object(
  {
    name: Type.String({ default: "", description: "1 to 255 bytes." }),
    domain: Type.String({ default: "", description: "The name that visitors use; unique on the server." }),
    mode: Type.Optional(Type.Enum(["", ...serviceModes], { description: "Absent means http." })),
    listen_port: Type.Optional(
      Type.Integer({ description: "tls: needed; tcp, udp: chosen when absent or 0." }),
    ),
    targets: Type.Array(ServiceTargetRequest, { default: [] }),
    enabled: Type.Optional(Type.Boolean({ description: "Absent means false." })),
    pass_host_header: Type.Optional(Type.Boolean()),
    rewrite_redirects: Type.Optional(Type.Boolean()),
    auth: Type.Optional(ServiceAuthRequest),
    access_restrictions: Type.Optional(AccessRestrictions),
    access_rules: Type.Optional(
      Type.Array(AccessRule, {
        description: "http mode: what holds for some paths, in order; the first that matches decides.",
      }),
    ),
    private: Type.Optional(Type.Boolean({ description: "Only reachable inside the overlay network." })),
    access_groups: Type.Optional(
      Type.Array(Type.String(), { description: "Group ids, for private services." }),
    ),
    public: Type.Optional(
      Type.Boolean({
        description: "Confirms that an http service without authentication is meant for everybody.",
      }),
    ),
  },
  { title: "ServiceRequest" },
);
export type ServiceRequest = Static<typeof ServiceRequest>;

export const ServiceTargetOptions = Type.Object(
  {
    skip_tls_verify: Type.Optional(Type.Boolean()),
    request_timeout: Type.Optional(GoDuration),
    session_idle_timeout: Type.Optional(GoDuration),
    path_rewrite: Type.Optional(Type.Enum(["preserve"])),
    custom_headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    proxy_protocol: Type.Optional(Type.Boolean()),
    direct_upstream: Type.Optional(Type.Boolean()),
  },
  { title: "ServiceTargetOptions", description: "Only what is set." },
);
export type ServiceTargetOptions = Static<typeof ServiceTargetOptions>;

export const ServiceTarget = Type.Object(
  {
    target_id: Type.String(),
    target_type: Type.Enum([...targetTypes]),
    protocol: Type.String(),
    port: Type.Integer(),
    host: Type.String({
      description: "Looked up for peer, host and domain targets; `unknown` when it is gone.",
    }),
    path: Type.Optional(Type.String()),
    enabled: Type.Boolean(),
    options: ServiceTargetOptions,
  },
  { title: "ServiceTarget" },
);
export type ServiceTarget = Static<typeof ServiceTarget>;

/** Ours: a target as an object of its own. */
export const OwnedServiceTarget = Type.Object(
  {
    id: Type.String({ description: "Stays as long as the service has a target with this path." }),
    ...ServiceTarget.properties,
    owner: Type.Object({
      id: Type.String({
        description: "Of the user who made the target; empty when it is older than this field.",
      }),
      name: Type.String(),
    }),
    created_at: Timestamp,
  },
  { title: "OwnedServiceTarget" },
);
export type OwnedServiceTarget = Static<typeof OwnedServiceTarget>;

export const ServiceTargetParams = Type.Object({ id: Type.String(), targetId: Type.String() });

export const DiagnosisCheck = Type.Object(
  {
    name: Type.Enum(["service", "cluster", "dns", "configuration", "certificate", "tunnel", "target"]),
    ok: Type.Boolean(),
    code: Type.String({ description: "`ok`, or a status reason of docs/errors.md." }),
    message: Type.String(),
    hint: Type.String({ description: "What to do about it; empty when it is ok." }),
    proxy: Type.Optional(Type.String({ description: "Id of the proxy that it is about." })),
    target: Type.Optional(Type.String({ description: "Path, or place, of the target that it is about." })),
  },
  { title: "DiagnosisCheck" },
);
export type DiagnosisCheck = Static<typeof DiagnosisCheck>;

export const Diagnosis = Type.Object(
  { ok: Type.Boolean(), checks: Type.Array(DiagnosisCheck) },
  { title: "Diagnosis" },
);
export type Diagnosis = Static<typeof Diagnosis>;

export const ServiceAuth = Type.Object(
  {
    password_auth: Type.Optional(
      Type.Object({ enabled: Type.Boolean(), password: Type.String({ description: "Always empty." }) }),
    ),
    pin_auth: Type.Optional(
      Type.Object({ enabled: Type.Boolean(), pin: Type.String({ description: "Always empty." }) }),
    ),
    bearer_auth: Type.Optional(
      Type.Object({ enabled: Type.Boolean(), distribution_groups: Nullable(Type.Array(Type.String())) }),
    ),
    header_auths: Type.Optional(
      Type.Array(
        Type.Object({
          enabled: Type.Boolean(),
          header: Type.String(),
          value: Type.String({ description: "Always empty." }),
        }),
      ),
    ),
    // The rest is ours.
    token_auth: Type.Optional(Type.Object({ enabled: Type.Boolean() })),
    share_link_auth: Type.Optional(Type.Object({ enabled: Type.Boolean() })),
    client_certificate_auth: Type.Optional(
      Type.Object({ enabled: Type.Boolean(), ca_certificates: Type.String() }),
    ),
    session_length: Type.Optional(
      Type.String({
        description: "How long a session lasts, such as 8h: 1m to 720h. Absent means a day.",
      }),
    ),
    session_idle_time: Type.Optional(
      Type.String({
        description:
          "A session ends after that long without a request: 1m to session_length. Absent means never.",
      }),
    ),
    identity_token: Type.Optional(
      Type.Boolean({
        description: "Targets get a signed token about the visitor in X-NetBird-Identity.",
      }),
    ),
  },
  { title: "ServiceAuth" },
);
export type ServiceAuth = Static<typeof ServiceAuth>;

export const StatusReason = Type.Object(
  {
    code: Type.String({ description: "Stable code, listed in docs/errors.md." }),
    message: Type.String(),
    hint: Type.String({ description: "What to do about it." }),
  },
  { title: "StatusReason" },
);

export const ServiceMeta = Type.Object(
  {
    created_at: Timestamp,
    status: Type.Enum([...serviceStates]),
    certificate_issued_at: Type.Optional(Timestamp),
    // The rest is ours.
    revision: Type.Integer({ description: "Revision of the log at which the service changed last." }),
    live_revision: Type.Integer({
      description:
        "The oldest revision that a connected proxy of the cluster serves; 0 when one serves none.",
    }),
    status_reason: Type.Optional(StatusReason),
    live_on: Type.Array(Type.String(), {
      description:
        "Ids of the proxies that serve the newest revision and reach an enabled target of every path.",
    }),
    certificate: Type.Optional(
      Type.Object({
        source: Type.String({ description: "static, wildcard, uploaded or acme." }),
        expires_at: Type.Optional(Timestamp),
      }),
    ),
  },
  { title: "ServiceMeta" },
);
export type ServiceMeta = Static<typeof ServiceMeta>;

export const Warning = Type.Object(
  {
    code: Type.String(),
    message: Type.String(),
    path: Type.String({ description: "The field it is about; may be empty." }),
    hint: Type.String(),
  },
  { title: "Warning" },
);
export type Warning = Static<typeof Warning>;

export const Service = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    domain: Type.String(),
    mode: Type.Enum([...serviceModes]),
    listen_port: Type.Integer(),
    port_auto_assigned: Type.Boolean(),
    proxy_cluster: Type.Optional(Type.String()),
    enabled: Type.Boolean(),
    terminated: Type.Boolean(),
    private: Type.Boolean(),
    pass_host_header: Type.Boolean(),
    rewrite_redirects: Type.Boolean(),
    auth: ServiceAuth,
    targets: Type.Array(ServiceTarget),
    access_restrictions: Type.Optional(AccessRestrictions),
    access_groups: Type.Optional(Type.Array(Type.String())),
    meta: ServiceMeta,
    // The rest is ours.
    access_rules: Type.Optional(Type.Array(AccessRule)),
    public: Type.Boolean({ description: "What was confirmed in the request." }),
    url: Type.String({ description: "Where visitors reach it, such as https://shop.example.com." }),
    private_addresses: Type.Optional(
      Type.Array(Type.String(), {
        description:
          "Of a private service: the overlay addresses of the cluster's proxies, for the DNS records of its domain. Empty until a proxy has joined the account.",
      }),
    ),
    warnings: Type.Array(Warning),
  },
  { title: "Service" },
);
export type Service = Static<typeof Service>;

export const TargetStatus = Type.Object(
  {
    position: Type.Integer({ description: "Place of the target in the service, from 0." }),
    target_id: Type.String(),
    path: Type.Optional(Type.String()),
    state: Type.Enum(["unknown", "reachable", "no_tunnel", "unreachable"]),
    reason: Type.Optional(StatusReason),
    handshake_age_seconds: Nullable(
      Type.Integer({ description: "Since the newest handshake with the peer; null when there was none." }),
    ),
    probe_ms: Type.Integer({ description: "Time of the last successful probe." }),
  },
  { title: "TargetStatus" },
);
export type TargetStatus = Static<typeof TargetStatus>;

export const ProxyServiceStatus = Type.Object(
  {
    proxy_id: Type.String(),
    connected: Type.Boolean(),
    live: Type.Boolean({
      description: "Serves the newest revision and reaches an enabled target of every path.",
    }),
    status: Type.Enum([...serviceStates]),
    applied_revision: Type.Integer(),
    serving_revision: Type.Integer(),
    reported_at: Nullable(Timestamp),
    reason: Type.Optional(StatusReason),
    certificate: Type.Optional(
      Type.Object({
        state: Type.Enum(["not_needed", "pending", "ready", "failed", "unknown"]),
        source: Type.String(),
        expires_at: Type.Optional(Timestamp),
        reason: Type.Optional(StatusReason),
      }),
    ),
    targets: Type.Array(TargetStatus),
  },
  { title: "ProxyServiceStatus" },
);
export type ProxyServiceStatus = Static<typeof ProxyServiceStatus>;

export const ServiceStatusDetail = Type.Object(
  {
    service_id: Type.String(),
    status: Type.Enum([...serviceStates]),
    status_reason: Type.Optional(StatusReason),
    revision: Type.Integer(),
    live_revision: Type.Integer(),
    live_on: Type.Array(Type.String()),
    proxies: Type.Array(ProxyServiceStatus),
  },
  { title: "ServiceStatusDetail" },
);
export type ServiceStatusDetail = Static<typeof ServiceStatusDetail>;

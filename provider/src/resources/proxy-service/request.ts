import type { ServiceRequest, ServiceTargetOptions, ServiceTargetRequest } from "../../client/api-types.ts";
import type { Path } from "../../framework/path.ts";
import { accessRuleRequest } from "./access-rules.ts";
import type { AuthState, PathTargetState, SecretState, ServiceState, TargetState } from "./attributes.ts";

/** Where the secrets of a request come from. */
export interface SecretSource {
  /** The configuration: the only place that has write-only values. */
  readonly config: AuthState | null;
  /** What is stored; null when everything is new. */
  readonly state: AuthState | null;
  /** Sends every secret, whether it changed or not. */
  readonly sendAll: boolean;
}

/** The body of POST and PUT. PUT replaces everything, so nothing may be left out. */
export function serviceRequest(plan: ServiceState, secrets: SecretSource): ServiceRequest {
  const mode = plan.mode ?? "http";
  const request: ServiceRequest = {
    name: plan.name!,
    domain: plan.domain!,
    mode: mode as "http",
    enabled: plan.enabled ?? true,
    targets: targetList(plan),
    pass_host_header: plan.pass_host_header ?? false,
    rewrite_redirects: plan.rewrite_redirects ?? false,
    private: plan.private ?? false,
    auth: authRequest(plan.auth, secrets),
  };
  if (plan.listen_port) request.listen_port = plan.listen_port;
  if (plan.public !== null) request.public = plan.public;
  if (plan.access_groups !== null) request.access_groups = [...plan.access_groups].sort();
  const restrictions = plan.access_restrictions;
  if (restrictions !== null) {
    request.access_restrictions = {};
    for (const name of [
      "allowed_cidrs",
      "blocked_cidrs",
      "allowed_countries",
      "blocked_countries",
    ] as const) {
      const values = restrictions[name];
      if (values !== null) request.access_restrictions[name] = [...values].sort();
    }
    if (restrictions.crowdsec_mode !== null)
      request.access_restrictions.crowdsec_mode = restrictions.crowdsec_mode as "off";
    for (const name of ["cidr_mode", "country_mode"] as const)
      if (restrictions[name] !== null) request.access_restrictions[name] = restrictions[name] as "observe";
    const rate = restrictions.request_rate;
    if (rate !== null)
      request.access_restrictions.request_rate = {
        per_minute: rate.per_minute!,
        ...(rate.burst === null ? {} : { burst: rate.burst }),
        ...(rate.mode === null ? {} : { mode: rate.mode as "observe" }),
      };
  }
  if (plan.access_rules !== null) request.access_rules = plan.access_rules.map(accessRuleRequest);
  return request;
}

interface TargetPlace {
  /** The attribute. */
  readonly at: Path;
  readonly path: string;
  readonly target: TargetState;
}

/** Targets in the order in which they are sent: the API names them by number. A path's replicas follow its first target. */
function targetPlaces(targets: ReadonlyMap<string, PathTargetState>): TargetPlace[] {
  return [...targets.keys()].sort().flatMap((path) => {
    const target = targets.get(path)!;
    const at: Path = ["targets", { key: path }];
    const replicas = (target.replicas ?? []).map((replica, index) => ({
      at: [...at, "replicas", index],
      path,
      target: replica,
    }));
    return [{ at, path, target }, ...replicas];
  });
}

function targetList(plan: ServiceState): ServiceTargetRequest[] {
  if (plan.target !== null) return [targetRequest(plan.target, undefined)];
  const { targets } = plan;
  if (targets === null) return [];
  return targetPlaces(targets).map(({ target, path }) => targetRequest(target, path));
}

export function targetRequest(target: TargetState, path: string | undefined): ServiceTargetRequest {
  const request: ServiceTargetRequest = {
    target_id: target.target_id!,
    target_type: target.target_type as "peer",
    protocol: target.protocol ?? "",
    port: target.port ?? 0,
    enabled: target.enabled ?? true,
    options: {},
  };
  if (target.host !== null) request.host = target.host;
  if (path !== undefined) request.path = path;
  if (target.options !== null) {
    const options: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(target.options)) {
      if (value === null || value === false) continue;
      options[name] = value instanceof Map ? Object.fromEntries(value) : value;
    }
    request.options = options as ServiceTargetOptions;
  }
  return request;
}

function authRequest(auth: AuthState | null, secrets: SecretSource): NonNullable<ServiceRequest["auth"]> {
  const request: NonNullable<ServiceRequest["auth"]> = {};
  if (auth === null) return request;
  const { config, state, sendAll } = secrets;
  const secret = (planned: SecretState, configured: SecretState | null, stored: SecretState | null) =>
    sendAll || secretChanged(planned, stored) ? (configured?.value_wo ?? planned.value ?? "") : "";
  if (auth.password !== null)
    request.password_auth = {
      enabled: true,
      password: secret(auth.password, config?.password ?? null, state?.password ?? null),
    };
  if (auth.pin !== null)
    request.pin_auth = { enabled: true, pin: secret(auth.pin, config?.pin ?? null, state?.pin ?? null) };
  if (auth.sso !== null)
    request.bearer_auth = { enabled: true, distribution_groups: [...(auth.sso.groups ?? [])].sort() };
  if (auth.headers !== null && auth.headers.size > 0) {
    request.header_auths = [...auth.headers.keys()].sort().map((header) => ({
      enabled: true,
      header,
      value: secret(
        auth.headers!.get(header)!,
        config?.headers?.get(header) ?? null,
        state?.headers?.get(header) ?? null,
      ),
    }));
  }
  if (auth.client_certificates !== null)
    request.client_certificate_auth = {
      enabled: true,
      ca_certificates: auth.client_certificates.ca_certificates ?? "",
    };
  if (auth.service_tokens !== null) request.token_auth = { enabled: auth.service_tokens };
  if (auth.share_links !== null) request.share_link_auth = { enabled: auth.share_links };
  if (auth.identity_token !== null) request.identity_token = auth.identity_token;
  if (auth.session_length !== null) request.session_length = auth.session_length;
  if (auth.session_idle_time !== null) request.session_idle_time = auth.session_idle_time;
  return request;
}

/** A write-only value cannot be compared; its version stands for it. */
function secretChanged(planned: SecretState, stored: SecretState | null): boolean {
  return stored === null || planned.version !== stored.version || planned.value !== stored.value;
}

/** True when the request counts on a secret that the server has already. */
export function reliesOnStoredSecrets(request: ServiceRequest): boolean {
  const { password_auth, pin_auth, header_auths } = request.auth ?? {};
  return (
    password_auth?.password === "" ||
    pin_auth?.pin === "" ||
    (header_auths ?? []).some(({ value }) => value === "")
  );
}

/** The attribute that a field of the API belongs to, such as `targets[1].path`. */
export function attributeOfField(
  field: string,
  plan: { readonly targets: unknown; readonly target: unknown },
  headerNames: readonly string[],
): Path | undefined {
  const steps = field.split(/[.[\]]+/).filter((step) => step !== "");
  const [first, second, ...rest] = steps;
  if (first === undefined) return undefined;
  if (first === "targets") {
    const inside: Path = rest.filter((step) => step in TARGET_FIELDS);
    if (plan.target !== null) return ["target", ...inside];
    if (second === undefined || !(plan.targets instanceof Map)) return ["targets"];
    const place = targetPlaces(plan.targets)[Number(second)];
    // The path is the key itself.
    return place === undefined ? ["targets"] : [...place.at, ...inside];
  }
  if (first === "auth") {
    if (second === "password_auth") return ["auth", "password"];
    if (second === "pin_auth") return ["auth", "pin"];
    if (second === "bearer_auth") return ["auth", "sso"];
    if (second === "session_length" || second === "session_idle_time" || second === "identity_token")
      return ["auth", second];
    if (second === "header_auths") {
      const key = headerNames[Number(rest[0])];
      return key === undefined ? ["auth", "headers"] : ["auth", "headers", { key }];
    }
    if (second === "client_certificate_auth") return ["auth", "client_certificates", "ca_certificates"];
    if (second === "token_auth") return ["auth", "service_tokens"];
    if (second === "share_link_auth") return ["auth", "share_links"];
    return ["auth"];
  }
  if (first === "access_rules") {
    if (second === undefined) return [first];
    // Members of a list or of the header are what the rule is about.
    return [first, Number(second), ...rest.filter((step) => !/^\d+$/.test(step))];
  }
  if (first === "access_restrictions") return second === undefined ? [first] : [first, second];
  return first in TOP_LEVEL_FIELDS ? [first] : undefined;
}

const TARGET_FIELDS = Object.assign(Object.create(null) as object, {
  target_id: true,
  target_type: true,
  protocol: true,
  port: true,
  host: true,
  enabled: true,
  options: true,
  skip_tls_verify: true,
  request_timeout: true,
  session_idle_timeout: true,
  path_rewrite: true,
  custom_headers: true,
  proxy_protocol: true,
  direct_upstream: true,
});

const TOP_LEVEL_FIELDS = Object.assign(Object.create(null) as object, {
  name: true,
  domain: true,
  mode: true,
  listen_port: true,
  enabled: true,
  pass_host_header: true,
  rewrite_redirects: true,
  private: true,
  access_groups: true,
  public: true,
});

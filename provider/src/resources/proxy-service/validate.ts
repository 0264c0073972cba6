import { isUnknown, type Unknown } from "../../convert/value.ts";
import type { Diagnostics } from "../../framework/diagnostics.ts";
import type { Path } from "../../framework/path.ts";
import type { ServicePlan } from "./attributes.ts";

/** Rules between attributes, as far as their values are known. */
export function validateService(config: ServicePlan, diagnostics: Diagnostics): void {
  if (!isUnknown(config.mode)) {
    const mode = config.mode ?? "http";
    if (mode === "http") validateHttp(config, diagnostics);
    else validateLayer4(config, mode, diagnostics);
  }
  validateTargets(config, diagnostics);
  validateAuth(config, diagnostics);
  validateAudience(config, diagnostics);
}

function validateHttp(config: ServicePlan, diagnostics: Diagnostics): void {
  if (config.targets === null)
    diagnostics.error(
      ["targets"],
      "No targets",
      'A service of mode http needs `targets`, such as { "/" = { ... } }.',
    );
  if (config.target !== null)
    diagnostics.error(
      ["target"],
      "Wrong attribute",
      "`target` is for layer 4 modes; mode http takes `targets`.",
    );
  if (config.listen_port !== null)
    diagnostics.error(["listen_port"], "No port to choose", "Services of mode http share the proxy's ports.");
  if (config.targets === null || isUnknown(config.targets)) return;
  for (const [path, target] of config.targets) {
    for (const [at, { options }] of withReplicas(["targets", { key: path }], target)) {
      const given = isUnknown(options) ? null : (options as { proxy_protocol: unknown } | null);
      if (given?.proxy_protocol === true)
        diagnostics.error(
          [...at, "options", "proxy_protocol"],
          "Only for layer 4",
          "PROXY protocol is for modes tcp and tls.",
        );
    }
  }
}

type PathTarget =
  Exclude<ServicePlan["targets"], Unknown | null> extends ReadonlyMap<string, infer T> ? T : never;

/** What of a target is looked at here, of whatever mode. */
interface TargetConfig {
  readonly target_type: unknown;
  readonly host: unknown;
  readonly options: unknown;
}

/** The target of a path and its replicas, as far as they are known, each with its attribute. */
function withReplicas(at: Path, target: PathTarget): [Path, TargetConfig][] {
  if (target === null || isUnknown(target)) return [];
  const { replicas } = target;
  const known: [Path, TargetConfig][] = [[at, target]];
  if (replicas === null || isUnknown(replicas)) return known;
  for (const [index, replica] of replicas.entries())
    if (replica !== null && !isUnknown(replica)) known.push([[...at, "replicas", index], replica]);
  return known;
}

function validateLayer4(config: ServicePlan, mode: string, diagnostics: Diagnostics): void {
  if (config.target === null)
    diagnostics.error(["target"], "No target", `A service of mode ${mode} needs \`target\`.`);
  if (config.targets !== null)
    diagnostics.error(["targets"], "Wrong attribute", `Mode ${mode} takes one \`target\`, not \`targets\`.`);
  if (mode === "tls" && config.listen_port === null)
    diagnostics.error(["listen_port"], "Port missing", "Mode tls needs `listen_port`.");
  if (config.auth !== null)
    diagnostics.error(
      ["auth"],
      "Only for mode http",
      `Mode ${mode} cannot ask visitors who they are. Use \`access_restrictions\`.`,
    );
  if (config.private === true)
    diagnostics.error(["private"], "Only for mode http", `A service of mode ${mode} cannot be private.`);
  if (config.target === null || isUnknown(config.target)) return;
  const at: Path = ["target"];
  const { port, protocol, options, enabled } = config.target;
  // The server enables it in any case, so that every later plan would try again.
  if (enabled === false)
    diagnostics.error(
      [...at, "enabled"],
      "Always enabled",
      `A service of mode ${mode} has only this target. To switch it off, set \`enabled = false\` of the service.`,
    );
  if (port === null)
    diagnostics.error([...at, "port"], "Port missing", `A target of mode ${mode} needs \`port\`.`);
  const expected = layer4Protocol(mode);
  if (protocol !== null && !isUnknown(protocol) && protocol !== expected)
    diagnostics.error([...at, "protocol"], "Does not fit the mode", `Mode ${mode} speaks ${expected}.`);
  if (options === null || isUnknown(options)) return;
  const httpOnly = ["skip_tls_verify", "path_rewrite", "custom_headers"] as const;
  for (const name of httpOnly) {
    if (options[name] !== null && options[name] !== false)
      diagnostics.error(
        [...at, "options", name],
        "Only for mode http",
        `\`${name}\` has no meaning in mode ${mode}.`,
      );
  }
  if (mode === "udp" && options.proxy_protocol === true)
    diagnostics.error(
      [...at, "options", "proxy_protocol"],
      "Not for UDP",
      "PROXY protocol is for modes tcp and tls.",
    );
}

/** What the target of a layer 4 mode speaks. */
export function layer4Protocol(mode: string): string {
  return mode === "udp" ? "udp" : "tcp";
}

function validateTargets(config: ServicePlan, diagnostics: Diagnostics): void {
  if (config.target !== null && !isUnknown(config.target))
    validateHost(config.target, ["target"], diagnostics);
  if (config.targets === null || isUnknown(config.targets)) return;
  const seen = new Map<string, string>();
  for (const [path, target] of config.targets) {
    const at: Path = ["targets", { key: path }];
    if (!/^\/[^\s?#]*$/.test(path))
      diagnostics.error(
        at,
        "Not a path",
        `"${path}" is not a path. It begins with "/" and has no blanks, "?" or "#".`,
      );
    const normal = path.replace(/\/+$/, "") || "/";
    const other = seen.get(normal);
    if (other !== undefined)
      diagnostics.error(
        at,
        "The same path twice",
        `"${path}" and "${other}" match the same requests. Give one of the two another path, or make it one of the \`replicas\` of the other.`,
      );
    seen.set(normal, path);
    for (const [where, one] of withReplicas(at, target)) validateHost(one, where, diagnostics);
  }
}

function validateHost(
  target: { target_type: unknown; host: unknown; options: unknown },
  at: Path,
  diagnostics: Diagnostics,
): void {
  const { target_type: type, host, options } = target;
  if (isUnknown(type) || isUnknown(host)) return;
  const takesHost = type === "subnet" || type === "cluster";
  if (host !== null && !takesHost)
    diagnostics.error(
      [...at, "host"],
      "The host is looked up",
      `For a ${type} the server looks the address up. \`host\` is for subnet and cluster targets.`,
    );
  if (host === null && type === "subnet")
    diagnostics.error([...at, "host"], "Host missing", "A subnet has many hosts; name one with `host`.");
  if (type === "cluster" && !isUnknown(options)) {
    const direct = (options as { direct_upstream: unknown } | null)?.direct_upstream ?? null;
    if (!isUnknown(direct) && direct !== true)
      diagnostics.error(
        [...at, "options", "direct_upstream"],
        "Needed for a cluster",
        "A cluster target is reached from the proxy itself; set `options.direct_upstream = true`.",
      );
  }
}

function validateAuth(config: ServicePlan, diagnostics: Diagnostics): void {
  const { auth } = config;
  if (auth === null || isUnknown(auth)) return;
  const { password, pin, sso, headers, service_tokens, share_links, client_certificates } = auth;
  const hasHeaders = headers !== null && mapSize(headers) > 0;
  const isOff = (flag: unknown) => flag === null || flag === false;
  if (
    password === null &&
    pin === null &&
    sso === null &&
    !hasHeaders &&
    isOff(service_tokens) &&
    isOff(share_links) &&
    client_certificates === null
  )
    diagnostics.error(
      ["auth"],
      "No method",
      "`auth` needs at least one of password, pin, sso, headers, client_certificates, service_tokens and share_links.",
    );
  const check = (secret: unknown, at: Path) => {
    if (secret === null || isUnknown(secret)) return;
    const { value, value_wo } = secret as { value: unknown; value_wo: unknown };
    if (isUnknown(value) || isUnknown(value_wo)) return;
    if (value === null && value_wo === null)
      diagnostics.error(at, "Secret missing", "Set `value_wo`, or `value` with Terraform before 1.11.");
    if (value !== null && value_wo !== null)
      diagnostics.error(at, "Two secrets", "Set either `value_wo` or `value`.");
  };
  check(password, ["auth", "password"]);
  check(pin, ["auth", "pin"]);
  if (headers !== null && !isUnknown(headers))
    for (const [name, secret] of headers) check(secret, ["auth", "headers", { key: name }]);
}

function mapSize(map: unknown): number {
  return map instanceof Map ? map.size : 1;
}

function validateAudience(config: ServicePlan, diagnostics: Diagnostics): void {
  if (config.public === true && config.auth !== null)
    diagnostics.error(
      ["public"],
      "Contradiction",
      "`public = true` says that nobody has to sign in, `auth` that they do.",
    );
  if (config.public === true && config.private === true)
    diagnostics.error(["public"], "Contradiction", "A service cannot be public and private.");
  if (config.private !== true) return;
  const groups = config.access_groups;
  if (groups === null || (!isUnknown(groups) && groups.length === 0))
    diagnostics.error(["access_groups"], "Nobody could reach it", "A private service needs `access_groups`.");
  if (config.auth !== null && !isUnknown(config.auth) && config.auth.sso !== null)
    diagnostics.error(
      ["auth"],
      "Not for private services",
      "A private service cannot use `sso`; its groups decide.",
    );
}

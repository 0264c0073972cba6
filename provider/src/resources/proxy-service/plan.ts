import type { Service } from "../../client/api-types.ts";
import type { ApiFailure } from "../../client/failure.ts";
import { equalValues } from "../../convert/compare.ts";
import { isUnknown, isWhollyKnown, type Value } from "../../convert/value.ts";
import type { Diagnostics } from "../../framework/diagnostics.ts";
import type { PrivateState } from "../../framework/private-state.ts";
import type { PlanContext } from "../../framework/resource.ts";
import { preflight } from "../preflight.ts";
import type { Walk } from "../walk.ts";
import { attributes, type ServiceAttributes, type ServicePlan, type ServiceState } from "./attributes.ts";
import { attributeOfField, serviceRequest } from "./request.ts";
import { layer4Protocol } from "./validate.ts";
import { servicePath } from "./wait-until-live.ts";
import { whyOpen } from "./why-open.ts";

const COLLECTION = "/reverse-proxies/services";

type Context = PlanContext<ServiceAttributes, Walk>;

/** What a change of each of these can influence; everything else that is read-only stays as it is stored. */
const dependents = {
  url: ["domain", "mode", "listen_port"],
  private_addresses: ["domain", "private", "enabled"],
  proxy_cluster: ["domain"],
  certificate: ["domain", "mode"],
  live_on: ["domain", "mode", "enabled"],
} as const;

export async function planService(context: Context): Promise<void> {
  const { plan, state, changed } = context;
  if (changed) {
    settleLayer4(context);
    if (plan.private === false) plan.private_addresses = null;
    for (const [name, causes] of Object.entries(dependents)) keepUnlessChanged(context, name, causes);
    planOutcome(context);
  }
  warnWhenOpen(context);
  claimDomain(context);
  if (!changed || context.requiresReplace.length > 0) return;
  if (state !== null && !sendsAnything(state, plan)) return;
  await askServer(context);
}

/** What follows from the mode alone. */
function settleLayer4({ plan, config }: Context): void {
  const { mode } = plan;
  if (mode === null || isUnknown(mode)) return;
  if (mode === "http") {
    if (config.listen_port === null) plan.listen_port = null;
    return;
  }
  const { target } = plan;
  if (
    target !== null &&
    !isUnknown(target) &&
    isUnknown(target.protocol) &&
    configuredProtocol(config) === null
  )
    plan.target = { ...target, protocol: layer4Protocol(mode) };
}

function configuredProtocol(config: ServicePlan): unknown {
  return config.target === null || isUnknown(config.target) ? null : config.target.protocol;
}

function keepUnlessChanged({ plan, state }: Context, name: string, causes: readonly string[]): void {
  if (state === null) return;
  const planned = plan as Record<string, Value>;
  const stored = state as Record<string, Value>;
  const same = causes.every((cause) =>
    equalValues(attributes[cause as "domain"].type, stored[cause] ?? null, planned[cause] ?? null),
  );
  if (same && isUnknown(planned[name])) planned[name] = stored[name] ?? null;
}

/** An apply that waits ends in "active", or fails; one that does not wait ends in whatever is then. */
function planOutcome({ plan, state }: Context): void {
  if (plan.wait_for_live === true && plan.enabled === true) {
    plan.status = "active";
    plan.status_reason = null;
  }
  if (state !== null && !sendsAnything(state, plan)) {
    plan.status = state.status;
    plan.status_reason = state.status_reason;
  }
}

const clientOnly = new Set(["wait_for_live", "timeouts"]);
const readOnly = new Set([
  "id",
  "url",
  "private_addresses",
  "status",
  "status_reason",
  "proxy_cluster",
  "certificate",
  "live_on",
]);

/** False when only settings of the provider itself change, which the server knows nothing of. */
export function sendsAnything(state: ServicePlan, plan: ServicePlan): boolean {
  return Object.entries(attributes).some(
    ([name, attribute]) =>
      !clientOnly.has(name) &&
      !readOnly.has(name) &&
      !equalValues(
        attribute.type,
        (state[name as keyof ServicePlan] ?? null) as Value,
        (plan[name as keyof ServicePlan] ?? null) as Value,
      ),
  );
}

function warnWhenOpen({ plan, diagnostics }: Context): void {
  if (plan.public === true || isUnknown(plan.public) || plan.enabled === false) return;
  const why = whyOpen(plan);
  if (why === undefined) return;
  const domain = isUnknown(plan.domain) ? "this service" : plan.domain;
  diagnostics.warning([], `Everyone can reach ${domain}`, why);
}

/** Notes which domain the service will have, so that others that are planned in this walk can be judged by it. */
function claimDomain({ client, plan, state, requiresReplace, diagnostics }: Context): void {
  if (client === undefined || plan.domain === null) return;
  const domain = isUnknown(plan.domain) ? undefined : plan.domain;
  if (state !== null) {
    const id = String(state.id);
    if (domain === undefined || requiresReplace.length > 0) client.domains.released(id);
    else client.domains.planned(id, domain);
  } else if (domain !== undefined && !client.domains.claim(domain))
    diagnostics.error(
      ["domain"],
      "Two services with one domain",
      `Another new service has the domain ${domain} too.`,
    );
}

/** Lets the server check what it would be asked to do, when it can, and takes over what it then already knows. */
async function askServer(context: Context): Promise<void> {
  const { client, config, plan, state } = context;
  if (client === undefined || !client.ready) return;
  // The port is the server's to choose.
  const listenPort = isUnknown(plan.listen_port) ? null : plan.listen_port;
  const sent = { ...plan, ...unsent, listen_port: listenPort };
  if (!isWhollyKnown(sent as Value) || !isWhollyKnown(config.auth as Value)) return;
  const request = serviceRequest(sent as unknown as ServiceState, {
    config: config.auth as ServiceState["auth"],
    state: (state?.auth ?? null) as ServiceState["auth"],
    sendAll: false,
  });
  const headers = request.auth?.header_auths?.map(({ header }) => header) ?? [];
  const needsAnswer = isUnknown(plan.url) || isUnknown(plan.proxy_cluster);
  context.private.delete(WARNINGS_LATER);
  if (context.applying && !needsAnswer && client.preflight !== "off")
    context.private.set(WARNINGS_LATER, true);
  const answer = await preflight<Service>(context, {
    needsAnswer,
    method: state === null ? "POST" : "PUT",
    path: state === null ? COLLECTION : servicePath(String(state.id)),
    body: request,
    doing: "plan netbird_proxy_service",
    attributeOf: (field) => attributeOfField(field, plan, headers),
    maySettle: (failure) => mayBeSettledByThisApply(failure, client, request.domain),
  });
  if (answer === undefined) return;
  if (isUnknown(plan.url) && answer.url !== undefined) plan.url = answer.url;
  if (isUnknown(plan.proxy_cluster)) plan.proxy_cluster = answer.proxy_cluster ?? null;
  passOnWarnings({ client, diagnostics: context.diagnostics, plan }, answer, headers);
}

/** In private state, between planning and applying: the server was not asked, so its warnings are still to come. */
const WARNINGS_LATER = "warnings_later";

/** Passes on what the server warned about when it took the write, unless it did when the write was planned. */
export function passOnLateWarnings(
  context: { client: Walk; diagnostics: Diagnostics; plan: ServicePlan; private: PrivateState },
  written: Service,
  headers: readonly string[],
): void {
  if (context.private.get(WARNINGS_LATER) !== true) return;
  context.private.delete(WARNINGS_LATER);
  passOnWarnings(context, written, headers);
}

function passOnWarnings(
  { client, diagnostics, plan }: { client: Walk; diagnostics: Diagnostics; plan: ServicePlan },
  { domain, warnings = [] }: Service,
  headers: readonly string[],
): void {
  for (const warning of warnings) {
    // Said by the provider itself, also where the server says nothing.
    if (warning.code === "service.public") continue;
    if (warning.code === "domain.not_validated" && client.domains.isUnderPlannedCustomDomain(domain))
      continue;
    const path = attributeOfField(warning.path, plan, headers) ?? [];
    diagnostics.warning(path, warning.message, warning.hint);
  }
}

// These do not go to the server, and so need not be known to ask it.
const unsent = {
  id: null,
  url: null,
  private_addresses: null,
  status: null,
  status_reason: null,
  proxy_cluster: null,
  certificate: null,
  live_on: null,
  timeouts: null,
  wait_for_live: null,
};

/**
 * Some refusals only say what is in the way now. The service that has the domain may be one that this apply replaces,
 * renames or removes first, and the custom domain that is missing may be one that it creates first.
 */
function mayBeSettledByThisApply(failure: ApiFailure, walk: Walk, domain: string): boolean {
  if (failure.status === 409) return walk.domains.mayBecomeFree(domain);
  return failure.status === 412 && walk.domains.isUnderPlannedCustomDomain(domain);
}

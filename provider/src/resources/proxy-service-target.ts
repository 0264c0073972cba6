import type { OwnedServiceTarget, Service } from "../client/api-types.ts";
import { requiresReplace, useStateForUnknown } from "../framework/plan-modifiers.ts";
import type { ApplyContext } from "../framework/resource.ts";
import { flag, nested, text } from "../framework/schema.ts";
import { timeoutMs, timeouts } from "../framework/timeouts.ts";
import { matching } from "../framework/validators.ts";
import { httpTargetAttributes, type TargetState } from "./proxy-service/attributes.ts";
import { targetRequest } from "./proxy-service/request.ts";
import { toldTarget } from "./proxy-service/told.ts";
import { servicePath, waitUntilLive } from "./proxy-service/wait-until-live.ts";
import type { RequestParts, RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";
import type { Walk } from "./walk.ts";

const WAIT_FOR_LIVE_MS = 120_000;
const kept = { computed: true, modifiers: [useStateForUnknown()] };

export const proxyServiceTargetAttributes = {
  id: text({ description: "Id of the target.", ...kept }),
  service_id: text({
    description: "Id of the service, of mode `http`. A change makes a new target.",
    required: true,
    modifiers: [requiresReplace()],
  }),
  path: text({
    description: "Path prefix of the requests that it gets. A change makes a new target.",
    required: true,
    validators: [matching(/^\//, "a path, which begins with /")],
    modifiers: [requiresReplace()],
  }),
  ...httpTargetAttributes,
  wait_for_live: flag({
    description: "Waits until the service answers with the target before the apply ends. Defaults to true.",
    default: true,
    clientOnly: true,
  }),
  timeouts: timeouts("How long to wait. Creating and updating default to `2m`."),
  owner: nested(
    {
      id: text({ description: "Id of the user; empty when it is not known.", computed: true }),
      name: text({ description: "Name of the user.", computed: true }),
    },
    { description: "Who made the target.", ...kept },
  ),
  created_at: text({ description: "When it was made, RFC 3339.", ...kept }),
};

type Attributes = typeof proxyServiceTargetAttributes;

function body({ plan }: RequestParts<Attributes>) {
  return targetRequest(plan as unknown as TargetState, plan.path as string);
}

export const proxyServiceTargetKind: RestKind<Attributes, OwnedServiceTarget> = {
  typeName: "netbird_proxy_service_target",
  what: "target",
  description: "One route of a service, for teams that share its domain.",
  attributes: proxyServiceTargetAttributes,
  collection: ({ service_id }) => `${servicePath(String(service_id))}/targets`,
  parents: ["service_id"],
  names: { path: ({ path }) => path || "/" },
  unique: true,
  createBody: body,
  updateBody: body,
  told: (found) => ({
    id: found.id,
    path: found.path || "/",
    ...toldTarget(found),
    owner: found.owner,
    created_at: found.created_at,
  }),
};

const base = restResource(proxyServiceTargetKind);

export const proxyServiceTarget: typeof base = {
  ...base,

  async create(context) {
    const told = await base.create(context);
    await waitForService(context, "create");
    return told;
  },

  async update(context) {
    const { plan, state } = context;
    // Settings of the provider alone.
    const same =
      JSON.stringify(targetRequest(plan as never, "")) === JSON.stringify(targetRequest(state as never, ""));
    if (same) return {};
    const told = await base.update(context);
    await waitForService(context, "update");
    return told;
  },

  async delete(context) {
    await base.delete(context);
    context.client.sharedServices.add(context.state.service_id!);
  },
};

async function waitForService(
  { client, plan, signal, log }: ApplyContext<Attributes, Walk>,
  doing: "create" | "update",
): Promise<void> {
  if (plan.wait_for_live !== true) return;
  const service = await client.api.get<Service>(servicePath(plan.service_id as string), signal);
  if (!service.enabled) return;
  await waitUntilLive(client.api, service, {
    timeoutMs: timeoutMs(plan.timeouts, doing, WAIT_FOR_LIVE_MS),
    signal,
    log,
    onUpdate: () => {},
  });
}

import type { Service, ServiceRequest } from "../client/api-types.ts";
import { createdSince } from "../client/created-since.ts";
import { isGone, mayHaveHappened } from "../client/failure.ts";
import { isUnknown, type ObjectValue } from "../convert/value.ts";
import type { ApplyContext, Resource } from "../framework/resource.ts";
import type { ToldObject } from "../framework/settle-state.ts";
import { timeoutMs } from "../framework/timeouts.ts";
import { byId } from "./identity.ts";
import { onlyMatch, parseImportId } from "./import-lookup.ts";
import {
  type ServiceAttributes,
  type ServicePlan,
  type ServiceState,
  type ServiceTold,
  schema,
} from "./proxy-service/attributes.ts";
import { passOnLateWarnings, planService, sendsAnything } from "./proxy-service/plan.ts";
import { attributeOfField, reliesOnStoredSecrets, serviceRequest } from "./proxy-service/request.ts";
import { toldService } from "./proxy-service/told.ts";
import { validateService } from "./proxy-service/validate.ts";
import { servicePath, waitUntilGone, waitUntilLive } from "./proxy-service/wait-until-live.ts";
import { unchangedSince } from "./unchanged-since.ts";
import type { Walk } from "./walk.ts";
import { rememberVersion, writeUnchanged } from "./write-unchanged.ts";

const COLLECTION = "/reverse-proxies/services";
const WAIT_FOR_LIVE_MS = 120_000;
const WAIT_FOR_GONE_MS = 60_000;

export const proxyService: Resource<ServiceAttributes, Walk> = {
  typeName: "netbird_proxy_service",
  schema,
  identity: byId,
  validate: validateService,
  plan: planService,
  movesFrom: ["netbird_reverse_proxy_service"],

  seen(state, { domains }) {
    if (state.domain !== null && state.id !== null) domains.stored(state.id, state.domain);
  },

  planDestroy({ client, state }) {
    if (state.id !== null) client?.domains.released(state.id);
  },

  async create(context) {
    const { client, plan, config, keep, signal } = context;
    const request = serviceRequest(known(plan), {
      config: config.auth as ServiceState["auth"],
      state: null,
      sendAll: true,
    });
    const created = await createOrAdopt(client, request, signal);
    keep(toldService(created));
    rememberVersion(context.private, client, created);
    return finish(context, created, "create");
  },

  async read({ client, state, signal }) {
    try {
      return toldService(await client.api.find<Service>(COLLECTION, state.id!, signal), state);
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  },

  async update(context) {
    const { client, plan, config, state, keep, signal } = context;
    // Settings of the provider alone: everything else is known, and as it was.
    if (!sendsAnything(state as ServicePlan, plan)) return {};
    const secrets = { config: config.auth as ServiceState["auth"], state: state.auth };
    let request = serviceRequest(known(plan), { ...secrets, sendAll: false });
    if (reliesOnStoredSecrets(request)) {
      // Leaving a secret out keeps the stored one, if there still is one. If not, the service would open or lock itself.
      const current = await client.api.get<Service>(servicePath(state.id!), signal);
      if (!hasStoredSecrets(current, request))
        request = serviceRequest(known(plan), { ...secrets, sendAll: true });
    }
    const updated = await writeUnchanged(
      context.private,
      () => unchangedService(client, state, { config, plan }, signal),
      (version) => client.api.put<Service>(servicePath(state.id!), request, signal, version),
    );
    keep(toldService(updated));
    rememberVersion(context.private, client, updated);
    passOnLateWarnings(context, updated, request.auth?.header_auths?.map(({ header }) => header) ?? []);
    return finish(context, updated, "update");
  },

  async delete({ client, state, signal, log, private: memory }) {
    const limitMs = timeoutMs(state.timeouts, "delete", WAIT_FOR_GONE_MS);
    let version: string | undefined;
    let applied: boolean | undefined;
    try {
      await writeUnchanged(
        memory,
        () => unchangedService(client, state, undefined, signal),
        async (tag) => {
          version = tag;
          applied = await client.api.deleteServed(servicePath(state.id!), signal, { tag, waitMs: limitMs });
        },
      );
    } catch (error) {
      if (isGone(error)) return;
      throw error;
    }
    if (applied === false) {
      log("warn", "a connected proxy has not let go of the deleted service yet", { domain: state.domain });
    }
    // A server that compares versions does so in the transaction that deletes: its answer means that the service is gone.
    if (version !== undefined || applied !== undefined) return;
    await waitUntilGone(client.api, state.id!, { timeoutMs: limitMs, signal });
  },

  async import(id, { client, signal }) {
    const { field, value } = parseImportId(id);
    const services = await client.api.list<Service>(COLLECTION, signal);
    if (field === "domain" || (field === undefined && value.includes(".")))
      return { id: onlyMatch(services, "service", "domain", value, ({ domain }) => domain).id };
    if (field === "name") return { id: onlyMatch(services, "service", "name", value, ({ name }) => name).id };
    return { id: field === "id" ? value : id.trim() };
  },

  attributeOf(field, plan) {
    const { auth } = plan;
    const headers =
      auth === null || isUnknown(auth) || !(auth.headers instanceof Map) ? [] : [...auth.headers.keys()];
    return attributeOfField(field, plan, headers.sort());
  },
};

/** The version that the plan was made from, where the server names versions. */
function unchangedService(
  client: Walk,
  state: ServiceState,
  update: { config: ServicePlan; plan: ServicePlan } | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  return unchangedSince<Service>(
    client,
    servicePath(state.id!),
    {
      typeName: "netbird_proxy_service",
      attributes: schema.attributes,
      state: state as unknown as ObjectValue,
      config: (update?.config ?? null) as unknown as ObjectValue | null,
      ...(update === undefined ? {} : { wanted: update.plan as unknown as ObjectValue }),
      told: (found) => toldService(found, state) as ToldObject,
      // A service that goes away has lost the routes that are managed on their own just before.
      except: update === undefined && client.sharedServices.has(state.id!) ? ["targets"] : [],
    },
    signal,
  );
}

/** Attributes that are sent, with what the server will choose left out. */
function known(plan: ServicePlan): ServiceState {
  const listenPort = isUnknown(plan.listen_port) ? null : plan.listen_port;
  return { ...plan, listen_port: listenPort } as ServiceState;
}

async function createOrAdopt(client: Walk, request: ServiceRequest, signal: AbortSignal): Promise<Service> {
  const startedMs = Date.now();
  try {
    return await client.api.post<Service>(COLLECTION, request, signal);
  } catch (error) {
    if (!mayHaveHappened(error)) throw error;
    // Domains are unique: a service with ours that appeared since we asked is the one we asked for.
    const services = await client.api.get<Service[]>(COLLECTION, signal);
    const adopted = services.find(
      ({ id, domain, name, meta }) =>
        domain === request.domain &&
        name === request.name &&
        createdSince(startedMs, { id, createdAt: meta.created_at }),
    );
    if (adopted === undefined) throw error;
    return adopted;
  }
}

/** Waits until the service is live, where that is wanted, and says what is then. */
async function finish(
  context: ApplyContext<ServiceAttributes, Walk>,
  written: Service,
  doing: "create" | "update",
): Promise<ServiceTold> {
  const { client, plan, keep, signal, log } = context;
  if (plan.wait_for_live === false || !written.enabled) return toldService(written);
  const live = await waitUntilLive(client.api, written, {
    timeoutMs: timeoutMs(plan.timeouts, doing, WAIT_FOR_LIVE_MS),
    signal,
    log,
    onUpdate: (service) => keep({ ...toldService(service) }),
  });
  return toldService(live);
}

function hasStoredSecrets({ auth }: Service, request: ServiceRequest): boolean {
  const wanted = request.auth ?? {};
  if (wanted.password_auth?.password === "" && !auth.password_auth?.enabled) return false;
  if (wanted.pin_auth?.pin === "" && !auth.pin_auth?.enabled) return false;
  const stored = new Set(
    (auth.header_auths ?? []).filter(({ enabled }) => enabled).map(({ header }) => header.toLowerCase()),
  );
  return (wanted.header_auths ?? []).every(
    ({ header, value }) => value !== "" || stored.has(header.toLowerCase()),
  );
}

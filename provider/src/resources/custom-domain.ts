import type { Domain } from "../client/api-types.ts";
import { createdSince } from "../client/created-since.ts";
import { isGone, mayHaveHappened } from "../client/failure.ts";
import { sleep } from "../client/sleep.ts";
import { isUnknown } from "../convert/value.ts";
import { DiagnosticError } from "../framework/diagnostics.ts";
import { durationText } from "../framework/duration.ts";
import { requiresReplace, useStateForUnknown } from "../framework/plan-modifiers.ts";
import type { CallContext, Resource } from "../framework/resource.ts";
import { flag, nestedList, type ToldOf, text } from "../framework/schema.ts";
import { timeoutMs, timeouts } from "../framework/timeouts.ts";
import { matching } from "../framework/validators.ts";
import { byId } from "./identity.ts";
import { parseImportId } from "./import-lookup.ts";
import { preflight } from "./preflight.ts";
import type { Walk } from "./walk.ts";

const COLLECTION = "/reverse-proxies/domains";
const VALIDATION_MS = 600_000;
const FIRST_CHECK_MS = 500;
const SLOWEST_CHECK_MS = 15_000;

export const customDomainAttributes = {
  id: text({ description: "Id of the custom domain.", computed: true, modifiers: [useStateForUnknown()] }),
  domain: text({
    description: "The domain; services may use it and every name under it. A change makes a new one.",
    required: true,
    validators: [
      matching(
        /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9])?)+$/,
        "a domain name in lower case, such as apps.example.com",
      ),
    ],
    modifiers: [requiresReplace()],
  }),
  target_cluster: text({
    description: "Address of the proxy cluster that serves it. A change makes a new one.",
    required: true,
    modifiers: [requiresReplace()],
  }),
  wait_for_validation: flag({
    description: "Waits until the DNS record was found. Defaults to false.",
    default: false,
    clientOnly: true,
  }),
  timeouts: timeouts("How long to wait for the DNS record. Defaults to `10m`."),
  validated: flag({ description: "Whether a record that proves the domain was found.", computed: true }),
  validation_records: nestedList(
    {
      type: text({ description: "Type of the record.", computed: true }),
      name: text({ description: "Name of the record.", computed: true }),
      value: text({ description: "Value of the record.", computed: true }),
      purpose: text({
        description: "`ownership`: one of these proves the domain. `routing`: leads visitors to the cluster.",
        computed: true,
      }),
    },
    {
      description:
        "DNS records for the domain. A and AAAA are for names at the top of a zone, where no CNAME can be.",
      computed: true,
      modifiers: [useStateForUnknown()],
    },
  ),
};

type Attributes = typeof customDomainAttributes;

export const customDomain: Resource<Attributes, Walk> = {
  typeName: "netbird_custom_domain",
  schema: {
    version: 0,
    description: "A domain of your own whose names services may use.",
    attributes: customDomainAttributes,
  },
  identity: byId,
  movesFrom: ["netbird_reverse_proxy_domain"],

  async plan(context) {
    const { client, plan, state, changed } = context;
    if (!changed) return;
    if (state === null && !isUnknown(plan.domain) && plan.domain !== null)
      client?.domains.customDomain(plan.domain);
    if (plan.wait_for_validation === true) plan.validated = true;
    else if (state !== null) plan.validated = state.validated;
    if (state !== null) return;
    await preflight(context, {
      method: "POST",
      path: COLLECTION,
      body: { domain: plan.domain, target_cluster: plan.target_cluster },
      doing: "plan netbird_custom_domain",
      attributeOf: (field) => (field === "domain" || field === "target_cluster" ? [field] : undefined),
      maySettle: ({ status }) => status === 409 && "perhaps",
    });
  },

  async create(context) {
    const { client, plan, signal, keep } = context;
    const request = { domain: plan.domain as string, target_cluster: plan.target_cluster as string };
    const startedMs = Date.now();
    let created: Domain;
    try {
      created = await client.api.post<Domain>(COLLECTION, request, signal);
    } catch (error) {
      if (!mayHaveHappened(error)) throw error;
      // Domains are registered once: one of ours that appeared since we asked is the one we asked for.
      const domains = await client.api.get<Domain[]>(COLLECTION, signal);
      const adopted = domains.find(
        ({ id, domain, target_cluster }) =>
          domain === request.domain &&
          target_cluster === request.target_cluster &&
          createdSince(startedMs, { id }),
      );
      if (adopted === undefined) throw error;
      created = adopted;
    }
    keep(toldDomain(created));
    if (plan.wait_for_validation !== true) return toldDomain(created);
    return waitUntilValidated(created, context, timeoutMs(plan.timeouts, "create", VALIDATION_MS), keep);
  },

  async read({ client, state, signal }) {
    const found = (await client.api.list<Domain>(COLLECTION, signal)).find(({ id }) => id === state.id);
    return found === undefined ? undefined : toldDomain(found);
  },

  async update(context) {
    const { client, plan, state, signal, keep } = context;
    if (plan.wait_for_validation !== true || state.validated === true) return {};
    const found = (await client.api.list<Domain>(COLLECTION, signal)).find(({ id }) => id === state.id);
    if (found === undefined)
      throw new DiagnosticError({
        summary: "The custom domain is gone",
        detail: "It was deleted outside Terraform; run the plan again.",
      });
    return waitUntilValidated(found, context, timeoutMs(plan.timeouts, "update", VALIDATION_MS), keep);
  },

  async delete({ client, state, signal }) {
    try {
      await client.api.delete(`${COLLECTION}/${encodeURIComponent(state.id!)}`, signal);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  },

  async import(id, { client, signal }) {
    const { field, value } = parseImportId(id);
    const custom = (await client.api.list<Domain>(COLLECTION, signal)).filter(
      ({ type }) => type === "custom",
    );
    const byDomain = custom.find(({ domain }) => domain === value);
    if (byDomain !== undefined) return { id: byDomain.id };
    if (field === "domain" || value.includes("."))
      throw new DiagnosticError({
        summary: `There is no custom domain "${value}"`,
        detail: `There are: ${custom.map(({ domain }) => domain).join(", ") || "none"}.`,
      });
    return { id: value };
  },

  attributeOf: (field) => (field === "domain" || field === "target_cluster" ? [field] : undefined),
};

/** Asks the server to look again until the record is there; it looks by itself only once. */
async function waitUntilValidated(
  first: Domain,
  { client, signal, log }: CallContext<Walk>,
  limitMs: number,
  keep: (told: ToldOf<Attributes>) => void,
): Promise<ToldOf<Attributes>> {
  const startedMs = Date.now();
  let domain = first;
  for (let pauseMs = FIRST_CHECK_MS; !domain.validated; pauseMs = Math.min(SLOWEST_CHECK_MS, pauseMs * 1.5)) {
    const elapsedMs = Date.now() - startedMs;
    if (elapsedMs >= limitMs) throw notValidated(domain, elapsedMs);
    await client.api.get(`${COLLECTION}/${encodeURIComponent(domain.id)}/validate`, signal);
    await sleep(Math.min(pauseMs, limitMs - elapsedMs), signal);
    const domains = await client.api.get<Domain[]>(COLLECTION, signal);
    domain = domains.find(({ id }) => id === first.id) ?? domain;
    keep(toldDomain(domain));
    log("info", "waiting for the DNS record of the custom domain", {
      domain: domain.domain,
      elapsed_ms: Date.now() - startedMs,
    });
  }
  return toldDomain(domain);
}

function notValidated(domain: Domain, elapsedMs: number): DiagnosticError {
  const records = validationRecords(domain)
    .filter(({ purpose }) => purpose === "ownership")
    .map(({ type, name, value }) => `  ${name}  ${type}  ${value}`);
  const why = domain.validation?.error ? ` The latest check failed: ${domain.validation.error}.` : "";
  return new DiagnosticError({
    summary: `${domain.domain} is not validated`,
    detail: `After ${durationText(elapsedMs)} no DNS record proves it.${why} One of these is needed:\n\n${records.join("\n")}`,
    path: ["domain"],
  });
}

type DomainRecord = NonNullable<Domain["validation"]>["records"][number];

/** A stock server knows one proof and does not tell it. */
function validationRecords(domain: Domain): readonly DomainRecord[] {
  if (domain.validation?.records !== undefined) return domain.validation.records;
  const name = domain.validation?.record ?? `validation.${domain.domain}`;
  return [{ type: "CNAME", name, value: domain.target_cluster ?? "", purpose: "ownership" }];
}

export function toldDomain(domain: Domain): ToldOf<Attributes> {
  return {
    id: domain.id,
    domain: domain.domain,
    target_cluster: domain.target_cluster ?? null,
    validated: domain.validated,
    validation_records: validationRecords(domain).map(({ type, name, value, purpose }) => ({
      type,
      name,
      value,
      purpose,
    })),
  };
}

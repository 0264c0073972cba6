import type { ApiFailure } from "../client/failure.ts";
import { equalValues } from "../convert/compare.ts";
import type { Value } from "../convert/value.ts";
import type { Path } from "../framework/path.ts";
import type { PlanContext } from "../framework/resource.ts";
import type { Attributes, PlanOf, StateOf } from "../framework/schema.ts";
import { holdsUnknown, preflight } from "./preflight.ts";
import { pathOf, type RestKind } from "./rest-kind.ts";
import type { Walk } from "./walk.ts";

/**
 * Asks the server about the request that applying would make, once all of it is known, and notes which names the object
 * will have, so that others that are planned in this walk can be judged by it.
 */
export async function checkRest<A extends Attributes, T extends { id: string }>(
  kind: RestKind<A, T>,
  context: PlanContext<A, Walk>,
  attributeOf: (field: string) => Path | undefined,
): Promise<void> {
  const { client, plan, config, changed, requiresReplace, diagnostics } = context;
  const state = context.state as StateOf<A> | null;
  noteNames(kind, context);
  // A replaced object is in its own way until it is gone.
  if (!changed || requiresReplace.length > 0 || diagnostics.hasErrors) return;
  if (client === undefined || !client.ready || client.preflight === "off") return;
  if (holdsUnknown(config) || !sendsAnything(kind.attributes, context)) return;
  if (state !== null && kind.updateBody === undefined) return;
  const parts = { plan: plan as PlanOf<A>, config, state };
  const isNew = state === null && !kind.adopts;
  const path = isNew ? kind.collection(plan) : pathOf(kind, state ?? plan);
  const answer = await preflight<T>(context, {
    method: isNew ? "POST" : "PUT",
    path,
    body: () =>
      isNew ? kind.createBody(parts) : kind.updateBody!(parts, () => client.api.get<T>(path, context.signal)),
    doing: `plan ${kind.typeName}`,
    attributeOf,
    maySettle: (failure) =>
      kind.maySettle?.(failure, parts, client) ||
      namesBecomeFree(kind, client, failure, plan) ||
      // Whatever has the name now can be renamed or deleted first.
      (failure.status === 409 && "perhaps"),
  });
  const problem = answer === undefined ? undefined : kind.otherwise?.(answer, parts);
  if (problem) diagnostics.add({ ...problem, severity: client.preflight === "warn" ? "warning" : "error" });
}

/** False when only settings of the provider itself change. */
function sendsAnything<A extends Attributes>(attributes: A, { plan, state }: PlanContext<A, Walk>): boolean {
  return (
    state === null ||
    Object.entries(attributes).some(([name, { type, clientOnly, required, optional }]) => {
      const told = required || optional;
      const stored = ((state as Record<string, Value>)[name] ?? null) as Value;
      const planned = ((plan as Record<string, Value>)[name] ?? null) as Value;
      return told && !clientOnly && !equalValues(type, stored, planned);
    })
  );
}

function noteNames<A extends Attributes, T extends { id: string }>(
  kind: RestKind<A, T>,
  { client, plan, state, requiresReplace }: PlanContext<A, Walk>,
): void {
  if (client === undefined || state === null) return;
  const id = String((state as { id: unknown }).id);
  client.names.stored(id, namesIn(kind, state));
  client.names.planned(id, requiresReplace.length > 0 ? [] : namesIn(kind, plan));
}

function namesBecomeFree<A extends Attributes, T extends { id: string }>(
  kind: RestKind<A, T>,
  client: Walk,
  { path }: ApiFailure,
  plan: object,
): boolean | "perhaps" {
  if (kind.names === undefined || !Object.hasOwn(kind.names, path)) return false;
  return client.names.becomesFree(nameOf(kind, path, (plan as Record<string, unknown>)[path]));
}

/** The names of an object, as the API tells them. */
export function namesOf<A extends Attributes, T extends { id: string }>(
  kind: RestKind<A, T>,
  found: T,
): string[] {
  return Object.entries(kind.names ?? {}).map(([field, read]) => nameOf(kind, field, read(found)));
}

/** The same by its attributes, which are called as the fields of the API are. */
function namesIn<A extends Attributes, T extends { id: string }>(kind: RestKind<A, T>, at: object): string[] {
  const fields = Object.keys(kind.names ?? {});
  return fields.map((field) => nameOf(kind, field, (at as Record<string, unknown>)[field]));
}

const nameOf = ({ typeName }: { readonly typeName: string }, field: string, value: unknown) =>
  `${typeName} ${field}=${String(value)}`;

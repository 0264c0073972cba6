import type { ApiFailure } from "../client/failure.ts";
import type { Diagnostic } from "../framework/diagnostics.ts";
import type { Attributes, PlanOf, StateOf, ToldOf } from "../framework/schema.ts";
import type { Walk } from "./walk.ts";

/** What a resource is told about while a request is made of it. */
export interface RequestParts<A extends Attributes> {
  readonly plan: PlanOf<A>;
  readonly config: PlanOf<A>;
  /** Null on create. */
  readonly state: StateOf<A> | null;
}

/** How one kind of object lives in a REST collection: POST, GET, PUT and DELETE under one path. */
export interface RestKind<A extends Attributes, T extends { id: string }> {
  readonly typeName: string;
  /** For people: `network`. */
  readonly what: string;
  readonly description: string;
  readonly attributes: A;
  readonly version?: number;
  /** Path of the collection; `at` gives the attributes named in {@link parents}. */
  collection(at: { readonly [name: string]: unknown }): string;
  /** Attributes that say which collection, such as `network_id`. They are part of an import id. */
  readonly parents?: readonly string[];
  /** Fields by which an object can be imported beside its id. The first one needs no `field=` before it. */
  readonly names?: { readonly [field: string]: (item: T) => string };
  /** Two objects cannot share the first of {@link names}, so that an object whose creation was not answered is found. */
  readonly unique?: boolean;
  /** The body of POST. */
  createBody(parts: RequestParts<A>): object;
  /** The body of PUT; absent when nothing can be changed in place. */
  updateBody?(parts: RequestParts<A>, current: () => Promise<T>): object | Promise<object>;
  told(found: T): ToldOf<A>;
  /** What only the answer to POST tells. */
  toldOnce?(created: T): ToldOf<A>;
  /** True for what is listed but counts as gone. */
  isGone?(found: T): boolean;
  /** True for a refusal while planning that another object of the same apply takes out of the way. */
  maySettle?(failure: ApiFailure, parts: RequestParts<A>, walk: Walk): boolean;
  /** Says where the server, by its answer to a dry run, would do something else than what is planned. */
  otherwise?(answer: T, parts: RequestParts<A>): Omit<Diagnostic, "severity"> | undefined;
  /** Creating only takes over an object that exists already: what is written then is a change of it. */
  readonly adopts?: boolean;
  /** Objects of the collection have no GET of their own. */
  readonly listOnly?: boolean;
}

/** Where an object is, below the API. */
export function pathOf<A extends Attributes, T extends { id: string }>(
  kind: RestKind<A, T>,
  at: object,
): string {
  const { id } = at as { id: string | null };
  return `${kind.collection(at as Record<string, unknown>)}/${encodeURIComponent(id!)}`;
}

import type { ObjectValue } from "../convert/value.ts";
import type { Diagnostics } from "./diagnostics.ts";
import type { CallContext } from "./resource.ts";
import type { Attributes, PlanOf, Schema, StateOf } from "./schema.ts";

/** One object that exists, managed by Terraform or not. */
export interface Listed {
  /** The attributes that are the resource's identity. */
  readonly identity: ObjectValue;
  /** For people. */
  readonly displayName: string;
}

/**
 * Finds the objects of one kind, for `terraform query` (1.14). What an object is beyond its identity is read by the
 * resource itself, so that a listed object and an imported one are the same.
 */
export interface ListResource<A extends Attributes, C> {
  /** That of a resource which has an identity. */
  readonly typeName: string;
  /** What the `config` block of a `list` block may hold. */
  readonly schema: Schema<A>;
  validate?(config: PlanOf<A>, diagnostics: Diagnostics): void;
  /** Not asked further once the user's limit is reached. */
  list(context: CallContext<C> & { readonly config: StateOf<A> }): AsyncIterable<Listed>;
}

import type { Diagnostics } from "./diagnostics.ts";
import type { PrivateState } from "./private-state.ts";
import type { CallContext } from "./resource.ts";
import type { Attributes, PlanOf, Schema, StateOf, ToldOf } from "./schema.ts";

/** Whatever is needed to renew and to close is in `private`: nothing else survives between the calls. */
export interface EphemeralContext<C> extends CallContext<C> {
  readonly private: PrivateState;
}

/** What an open or renewed one is like. */
export interface Lease {
  /** When Terraform is to ask for renewal, milliseconds since 1970; undefined for never. */
  readonly renewAtMs?: number;
}

/** Something that exists only while Terraform works, and never reaches plan or state. Needs Terraform 1.10. */
export interface EphemeralResource<A extends Attributes, C> {
  readonly typeName: string;
  readonly schema: Schema<A>;
  /** Rules between attributes. Without network; values may be unknown. */
  validate?(config: PlanOf<A>, diagnostics: Diagnostics): void;
  /** Asked once per walk, so for a plan as well as for an apply. Everything that is configured is known. */
  open(
    context: EphemeralContext<C> & { readonly config: StateOf<A> },
  ): Promise<Lease & { readonly told: ToldOf<A> }>;
  renew?(context: EphemeralContext<C>): Promise<Lease>;
  /** Asked at the end of the walk, also of one that failed. What is gone already is a success. */
  close?(context: EphemeralContext<C>): Promise<void>;
}

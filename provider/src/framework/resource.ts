import type { LosslessJson } from "../convert/lossless-json.ts";
import type { Diagnostics } from "./diagnostics.ts";
import type { EphemeralResource } from "./ephemeral-resource.ts";
import type { Identity } from "./identity.ts";
import type { ListResource } from "./list-resource.ts";
import type { Path } from "./path.ts";
import type { PrivateState } from "./private-state.ts";
import type { ProviderFunction } from "./provider-function.ts";
import type { Attributes, PlanOf, Schema, StateOf, ToldOf } from "./schema.ts";

/** Lines for Terraform's log. Fields must not hold secrets. */
export type Log = (
  level: "trace" | "debug" | "info" | "warn" | "error",
  message: string,
  fields?: Record<string, unknown>,
) => void;

/** What every call of a resource has at hand. `C` is what the provider's `configure` made. */
export interface CallContext<C> {
  readonly client: C;
  readonly diagnostics: Diagnostics;
  /** Aborted when the user interrupts Terraform. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

export interface PlanContext<A extends Attributes, C> extends Omit<CallContext<C>, "client"> {
  /** Absent while the provider is not configured. */
  readonly client: C | undefined;
  readonly config: PlanOf<A>;
  /** Null on create. */
  readonly state: PlanOf<A> | null;
  /** What is planned; assign to refine it. */
  readonly plan: { -readonly [K in keyof A]: PlanOf<A>[K] };
  /** False when nothing would be done. */
  readonly changed: boolean;
  /**
   * True when this walk has applied something already: Terraform plans every object once more right before it applies
   * it, with all values known. Asking a server then whether it would take a write only delays that write. The first
   * few of an apply are planned before anything is applied, and cannot be told from a plan.
   */
  readonly applying: boolean;
  /** Paths whose change needs a new object. Push to add one. */
  readonly requiresReplace: Path[];
  readonly private: PrivateState;
}

export interface DestroyPlanContext<A extends Attributes, C> extends Omit<CallContext<C>, "client"> {
  readonly client: C | undefined;
  readonly state: StateOf<A>;
}

export interface ApplyContext<A extends Attributes, C> extends CallContext<C> {
  readonly config: PlanOf<A>;
  readonly plan: PlanOf<A>;
  readonly private: PrivateState;
  /**
   * Remembers what exists already. Call it right after the first request that changed something: whatever fails
   * afterwards, Terraform then knows the object.
   */
  readonly keep: (told: ToldOf<A>) => void;
}

export interface UpdateContext<A extends Attributes, C> extends ApplyContext<A, C> {
  readonly state: StateOf<A>;
}

export interface ReadContext<A extends Attributes, C> extends CallContext<C> {
  readonly state: StateOf<A>;
  readonly private: PrivateState;
}

/** One kind of object that Terraform manages. */
export interface Resource<A extends Attributes, C> {
  readonly typeName: string;
  readonly schema: Schema<A>;
  /** What tells one object from another; needed for import by identity and for lists. */
  readonly identity?: Identity;
  /** Rules between attributes. Without network; values may be unknown. */
  validate?(config: PlanOf<A>, diagnostics: Diagnostics): void;
  /** Rules of planning beyond those of single attributes. */
  plan?(context: PlanContext<A, C>): Promise<void> | void;
  /** Warnings about what destroying does. */
  planDestroy?(context: DestroyPlanContext<A, C>): Promise<void> | void;
  create(context: ApplyContext<A, C>): Promise<ToldOf<A>>;
  /** @returns undefined when the object is certainly gone */
  read(context: ReadContext<A, C>): Promise<ToldOf<A> | undefined>;
  update(context: UpdateContext<A, C>): Promise<ToldOf<A>>;
  /** Returns once the object is gone; one that was gone already is a success. */
  delete(context: ReadContext<A, C>): Promise<void>;
  /** Turns what the user gave to `terraform import` into the attributes that `read` needs. */
  import?(id: string, context: CallContext<C>): Promise<ToldOf<A>>;
  /** Told about every stored object before anything is planned. Offline. */
  seen?(state: StateOf<A>, client: C): void;
  /** Changes stored JSON of that version into the next one's. */
  readonly upgrades?: {
    readonly [version: number]: (stored: Map<string, LosslessJson>) => Map<string, LosslessJson>;
  };
  /** Types of other providers whose objects can be moved here; they need the same id. */
  readonly movesFrom?: readonly string[];
  /** The attribute that a field of the API belongs to, for errors that name one. */
  attributeOf?(field: string, planned: PlanOf<A>): Path | undefined;
}

export interface DataSource<A extends Attributes, C> {
  readonly typeName: string;
  readonly schema: Schema<A>;
  validate?(config: PlanOf<A>, diagnostics: Diagnostics): void;
  read(context: CallContext<C> & { readonly config: StateOf<A> }): Promise<ToldOf<A>>;
}

export interface FailureContext {
  /** For people: `create example_thing`. */
  readonly doing: string;
  readonly attributeOf: (field: string) => Path | undefined;
}

export interface Provider<A extends Attributes, C> {
  readonly schema: Schema<A>;
  // Each resource knows its own attributes; from here on they are only values under names.
  // biome-ignore lint/suspicious/noExplicitAny: the list holds resources of different attributes
  readonly resources: readonly Resource<any, C>[];
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly dataSources: readonly DataSource<any, C>[];
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly ephemeralResources?: readonly EphemeralResource<any, C>[];
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly listResources?: readonly ListResource<any, C>[];
  readonly functions?: readonly ProviderFunction[];
  validate?(config: PlanOf<A>, diagnostics: Diagnostics): void;
  /** Makes what resources work with. No network: it runs several times per command. */
  configure(
    config: PlanOf<A>,
    options: { terraformVersion: string; diagnostics: Diagnostics; log: Log },
  ): C | undefined;
  /** Puts a failure of the API into words; undefined for failures it does not know. */
  describeFailure(error: unknown, context: FailureContext): Diagnostics["items"] | undefined;
  /** Frees what a replaced or finished configuration holds. */
  close?(client: C): void;
}

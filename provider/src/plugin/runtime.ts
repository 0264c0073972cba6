import { DiagnosticError, Diagnostics } from "../framework/diagnostics.ts";
import type { EphemeralResource } from "../framework/ephemeral-resource.ts";
import type { ListResource } from "../framework/list-resource.ts";
import { PrivateState } from "../framework/private-state.ts";
import type { DataSource, Log, Provider, Resource } from "../framework/resource.ts";
import type { Attributes } from "../framework/schema.ts";

/** One running provider: its definition, and what the latest configuration made of it. */
export class Runtime {
  // biome-ignore lint/suspicious/noExplicitAny: the client's type is the provider's own business
  readonly provider: Provider<any, any>;
  readonly log: Log;
  readonly #resources: Map<string, Resource<Attributes, unknown>>;
  readonly #dataSources: Map<string, DataSource<Attributes, unknown>>;
  readonly #ephemeralResources: Map<string, EphemeralResource<Attributes, unknown>>;
  readonly #listResources: Map<string, ListResource<Attributes, unknown>>;
  /** Ephemeral resources that were opened and not closed yet, with what closing them needs. */
  readonly #open = new Map<string, { readonly typeName: string; readonly memory: Uint8Array }>();
  #client: unknown;
  #stop = new AbortController();
  #inFlight = 0;
  #applying = false;

  // biome-ignore lint/suspicious/noExplicitAny: as above
  constructor(provider: Provider<any, any>, log: Log) {
    this.provider = provider;
    this.log = log;
    this.#resources = new Map(provider.resources.map((resource) => [resource.typeName, resource]));
    this.#dataSources = new Map(provider.dataSources.map((source) => [source.typeName, source]));
    this.#ephemeralResources = new Map((provider.ephemeralResources ?? []).map((one) => [one.typeName, one]));
    this.#listResources = new Map((provider.listResources ?? []).map((one) => [one.typeName, one]));
  }

  /** Undefined before the provider is configured. */
  get client(): unknown {
    return this.#client;
  }

  /** For calls that Terraform makes only after configuring. */
  requireClient(): unknown {
    if (this.#client === undefined)
      throw new DiagnosticError({
        summary: "The provider is not configured",
        detail: "This operation needs the provider's configuration, which is missing or was refused.",
      });
    return this.#client;
  }

  /** Replaces the configuration; a long-lived process is configured once per walk. */
  async configured(client: unknown): Promise<void> {
    const previous = this.#client;
    this.#client = client;
    this.#applying = false;
    if (this.#stop.signal.aborted) this.#stop = new AbortController();
    if (previous === undefined || previous === client) return;
    await this.closeLeftovers(previous);
    this.provider.close?.(previous);
  }

  /** Once something is applied, the rest of the walk is an apply. */
  applyBegins(): void {
    this.#applying = true;
  }

  /** True when something was applied since the provider was configured, which Terraform does for every walk. */
  get applying(): boolean {
    return this.#applying;
  }

  opened(typeName: string, memory: Uint8Array): void {
    this.#open.set(keyOf(typeName, memory), { typeName, memory });
  }

  closed(typeName: string, memory: Uint8Array): void {
    this.#open.delete(keyOf(typeName, memory));
  }

  get hasLeftovers(): boolean {
    return this.#open.size > 0;
  }

  /** Closes what Terraform opened and forgot: it does so when something that uses the value fails, or is interrupted. */
  async closeLeftovers(client = this.#client): Promise<void> {
    const leftovers = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(
      leftovers.map(async ({ typeName, memory }) => {
        try {
          await this.ephemeralResource(typeName).close?.({
            client,
            diagnostics: new Diagnostics(),
            signal: new AbortController().signal,
            log: this.log,
            private: new PrivateState(memory),
          });
        } catch (error) {
          this.log("error", "an ephemeral resource could not be closed", { typeName, reason: String(error) });
        }
      }),
    );
  }

  get stopSignal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Ends waits and requests; calls in flight answer with what they know. */
  stop(): void {
    const detail =
      "Terraform was asked to stop. What the server had accepted by then is in the state, and the next plan goes on from " +
      "there. An object that was being created is marked as tainted and would be replaced; `terraform untaint` keeps it.";
    this.#stop.abort(new DiagnosticError({ summary: "Interrupted", detail }));
  }

  /** True while a call is being answered. */
  get busy(): boolean {
    return this.#inFlight > 0;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#inFlight += 1;
    try {
      return await work();
    } finally {
      this.#inFlight -= 1;
    }
  }

  resource(typeName: string): Resource<Attributes, unknown> {
    return found(this.#resources, typeName, "resource");
  }

  dataSource(typeName: string): DataSource<Attributes, unknown> {
    return found(this.#dataSources, typeName, "data source");
  }

  ephemeralResource(typeName: string): EphemeralResource<Attributes, unknown> {
    return found(this.#ephemeralResources, typeName, "ephemeral resource");
  }

  listResource(typeName: string): ListResource<Attributes, unknown> {
    return found(this.#listResources, typeName, "list resource");
  }
}

function keyOf(typeName: string, memory: Uint8Array): string {
  return `${typeName} ${Buffer.from(memory).toString("base64")}`;
}

function found<T>(all: Map<string, T>, typeName: string, what: string): T {
  const one = all.get(typeName);
  if (one === undefined)
    throw new DiagnosticError({
      summary: `There is no ${what} "${typeName}"`,
      detail: `This provider has: ${[...all.keys()].sort().join(", ")}.`,
    });
  return one;
}

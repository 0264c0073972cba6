import { DiagnosticError } from "../framework/diagnostics.ts";
import type { DataSource, Log, Provider, Resource } from "../framework/resource.ts";
import type { Attributes } from "../framework/schema.ts";

/** One running provider: its definition, and what the latest configuration made of it. */
export class Runtime {
  // biome-ignore lint/suspicious/noExplicitAny: the client's type is the provider's own business
  readonly provider: Provider<any, any>;
  readonly log: Log;
  readonly #resources: Map<string, Resource<Attributes, unknown>>;
  readonly #dataSources: Map<string, DataSource<Attributes, unknown>>;
  #client: unknown;
  #stop = new AbortController();
  #inFlight = 0;

  // biome-ignore lint/suspicious/noExplicitAny: as above
  constructor(provider: Provider<any, any>, log: Log) {
    this.provider = provider;
    this.log = log;
    this.#resources = new Map(provider.resources.map((resource) => [resource.typeName, resource]));
    this.#dataSources = new Map(provider.dataSources.map((source) => [source.typeName, source]));
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
  configured(client: unknown): void {
    const previous = this.#client;
    this.#client = client;
    if (this.#stop.signal.aborted) this.#stop = new AbortController();
    if (previous !== undefined && previous !== client) this.provider.close?.(previous);
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

import { lookup } from "node:dns/promises";

/** All addresses of a name, in the order of the system's resolver. */
export type Lookup = (name: string) => Promise<readonly string[]>;

/** The host's own resolver: /etc/hosts, search domains and all. */
export const systemLookup: Lookup = async (name) =>
  (await lookup(name, { all: true, order: "verbatim" })).map(({ address }) => address);

export type Resolved = { ok: true; addresses: readonly string[] } | { ok: false; why: string };

export interface NameResolverPorts {
  lookup: Lookup;
  nowMs: () => number;
}

/** Short: a service that moved is found again quickly, and a busy one does not ask for every connection. */
const TTL_MS = 10_000;
/** How long an old answer stands in while the resolver fails. */
const STALE_MS = 10 * 60_000;
const LOOKUP_TIMEOUT_MS = 5_000;
const MAX_NAMES = 4_096;

interface Entry {
  addresses: readonly string[];
  atMs: number;
}

/** Resolves names with a short memory; callers that ask at the same time share one question. */
export class NameResolver {
  readonly #ports: NameResolverPorts;
  readonly #known = new Map<string, Entry>();
  readonly #asking = new Map<string, Promise<Resolved>>();

  constructor(ports: NameResolverPorts) {
    this.#ports = ports;
  }

  async resolve(name: string): Promise<Resolved> {
    const known = this.#known.get(name);
    if (known !== undefined && this.#ports.nowMs() - known.atMs < TTL_MS)
      return { ok: true, addresses: known.addresses };
    let asking = this.#asking.get(name);
    if (asking === undefined) {
      asking = this.#ask(name).finally(() => this.#asking.delete(name));
      this.#asking.set(name, asking);
    }
    const answer = await asking;
    if (answer.ok || known === undefined || this.#ports.nowMs() - known.atMs > STALE_MS) return answer;
    return { ok: true, addresses: known.addresses };
  }

  /** Forgets a name whose addresses did not answer, so that the next connection asks again. */
  forget(name: string): void {
    this.#known.delete(name);
  }

  async #ask(name: string): Promise<Resolved> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no answer within ${LOOKUP_TIMEOUT_MS / 1000} s`)),
        LOOKUP_TIMEOUT_MS,
      );
    });
    try {
      const addresses = await Promise.race([this.#ports.lookup(name), late]);
      if (addresses.length === 0) return { ok: false, why: "no addresses" };
      if (this.#known.size >= MAX_NAMES) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(name, { addresses, atMs: this.#ports.nowMs() });
      return { ok: true, addresses };
    } catch (error) {
      return { ok: false, why: (error as NodeJS.ErrnoException).code ?? (error as Error).message };
    } finally {
      clearTimeout(timer);
    }
  }
}

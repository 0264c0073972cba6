import { type ReputationDecision, reputationDecisions } from "../access/address-checks.ts";
import { type AddressKey, addressKey, networkOf } from "./address-key.ts";
import type { Decision } from "./decision.ts";

/**
 * All decisions, found by address. A look-up costs one step per prefix length that occurs, however many decisions there
 * are. Several decisions may be about the same range: each is taken back by its own id, and the strongest counts.
 */
export class DecisionIndex {
  readonly #byId = new Map<number, Decision>();
  readonly #networks = { 32: new Networks(32), 128: new Networks(128) };
  readonly #countries = new Map<string, Decision[]>();

  get size(): number {
    return this.#byId.size;
  }

  add(decision: Decision): void {
    this.remove(decision.id);
    if (decision.scope === "country") {
      push(this.#countries, decision.value, decision);
    } else {
      const range = readRange(decision.value);
      if (range === undefined) return;
      this.#networks[range.key.bits].add(range.key, range.length, decision);
    }
    this.#byId.set(decision.id, decision);
  }

  remove(id: number): void {
    const decision = this.#byId.get(id);
    if (decision === undefined) return;
    this.#byId.delete(id);
    if (decision.scope === "country") {
      drop(this.#countries, decision.value, decision);
    } else {
      const range = readRange(decision.value)!;
      this.#networks[range.key.bits].remove(range.key, range.length, decision);
    }
  }

  /**
   * The decision on the address itself, else on the smallest range around it, else on its country.
   *
   * @param countryOf asked only when there are decisions on countries
   */
  find(
    address: string,
    nowMs: number,
    countryOf: ((address: string) => string) | undefined,
  ): ReputationDecision | undefined {
    const key = addressKey(address);
    if (key === undefined) return undefined;
    const found = this.#networks[key.bits].find(key, nowMs);
    if (found !== undefined || this.#countries.size === 0 || countryOf === undefined) return found;
    return strongest(this.#countries.get(countryOf(address)), nowMs);
  }
}

class Networks {
  readonly #bits: 32 | 128;
  readonly #byLength = new Map<number, Map<number | bigint, Decision[]>>();
  /** Longest first. */
  #lengths: number[] = [];

  constructor(bits: 32 | 128) {
    this.#bits = bits;
  }

  add(key: AddressKey, length: number, decision: Decision): void {
    let networks = this.#byLength.get(length);
    if (networks === undefined) {
      networks = new Map();
      this.#byLength.set(length, networks);
      this.#lengths = [...this.#byLength.keys()].sort((a, b) => b - a);
    }
    push(networks, networkOf(key, length), decision);
  }

  remove(key: AddressKey, length: number, decision: Decision): void {
    const networks = this.#byLength.get(length);
    if (networks === undefined) return;
    drop(networks, networkOf(key, length), decision);
    if (networks.size > 0) return;
    this.#byLength.delete(length);
    this.#lengths = this.#lengths.filter((known) => known !== length);
  }

  find(key: AddressKey, nowMs: number): ReputationDecision | undefined {
    if (key.bits !== this.#bits) return undefined;
    for (const length of this.#lengths) {
      const found = strongest(this.#byLength.get(length)!.get(networkOf(key, length)), nowMs);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function readRange(text: string): { key: AddressKey; length: number } | undefined {
  const slash = text.indexOf("/");
  const key = addressKey(slash === -1 ? text : text.slice(0, slash));
  if (key === undefined) return undefined;
  if (slash === -1) return { key, length: key.bits };
  const digits = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(digits)) return undefined;
  // A range of IPv4 inside IPv6 is counted from the start of IPv6.
  const length = Number(digits) - (key.bits === 32 && text.includes(":") ? 96 : 0);
  return length >= 0 && length <= key.bits ? { key, length } : undefined;
}

function push<K>(map: Map<K, Decision[]>, key: K, decision: Decision): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [decision]);
  else list.push(decision);
}

function drop<K>(map: Map<K, Decision[]>, key: K, decision: Decision): void {
  const rest = map.get(key)?.filter((other) => other !== decision) ?? [];
  if (rest.length === 0) map.delete(key);
  else map.set(key, rest);
}

/** Those that are over are passed by: the local API takes them back only when it is asked. */
function strongest(
  decisions: readonly Decision[] | undefined,
  nowMs: number,
): ReputationDecision | undefined {
  if (decisions === undefined) return undefined;
  const live = decisions.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  return reputationDecisions.find((type) => live.some((decision) => decision.type === type));
}

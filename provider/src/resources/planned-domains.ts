/**
 * Who has which domain before and after the apply that is being planned. The server only knows who has it now, and
 * would refuse a name that this same apply frees, or one whose custom domain it adds first.
 */
export class PlannedDomains {
  readonly #storedOwner = new Map<string, string>();
  /** By service id; undefined when the service gives its domain up. */
  readonly #after = new Map<string, string | undefined>();
  readonly #claimed = new Set<string>();
  readonly #customDomains = new Set<string>();

  /** A managed service has this domain in the state. */
  stored(serviceId: string, domain: string): void {
    this.#storedOwner.set(domain, serviceId);
  }

  /** A managed service will have this domain. */
  planned(serviceId: string, domain: string): void {
    this.#after.set(serviceId, domain);
  }

  /** A managed service is destroyed or replaced, or its next domain is not known yet. */
  released(serviceId: string): void {
    this.#after.set(serviceId, undefined);
  }

  /** A new service wants the domain. @returns false when another new one has it already */
  claim(domain: string): boolean {
    if (this.#claimed.has(domain)) return false;
    this.#claimed.add(domain);
    return true;
  }

  customDomain(domain: string): void {
    this.#customDomains.add(domain);
  }

  /** True when whoever has the domain now is managed here, and is not known to keep it. */
  mayBecomeFree(domain: string): boolean {
    const owner = this.#storedOwner.get(domain);
    return owner !== undefined && !(this.#after.get(owner) === domain);
  }

  /** True when at least one custom domain is new. */
  get plansCustomDomains(): boolean {
    return this.#customDomains.size > 0;
  }

  isUnderPlannedCustomDomain(domain: string): boolean {
    return [...this.#customDomains].some((custom) => domain === custom || domain.endsWith(`.${custom}`));
  }
}

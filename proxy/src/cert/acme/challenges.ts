/** What the authority expects to find when it comes to look. */
export interface ChallengeAnswer {
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** Finds answers of other proxies of the cluster. */
export interface ChallengeSource {
  challenge(ask: { name: string; token: string }): Promise<ChallengeAnswer | undefined>;
}

/**
 * Answers to challenges under way: our own, and those of the whole cluster, because the authority asks whichever proxy
 * the name leads it to.
 */
export class Challenges {
  readonly #byName = new Map<string, ChallengeAnswer>();
  /** Undefined: this proxy is alone. */
  cluster: ChallengeSource | undefined;

  set(answer: ChallengeAnswer): void {
    this.#byName.set(answer.name, answer);
  }

  clear(name: string): void {
    this.#byName.delete(name);
  }

  /** @param name lower case */
  async forName(name: string): Promise<ChallengeAnswer | undefined> {
    return (
      this.#byName.get(name) ?? (await this.cluster?.challenge({ name, token: "" }).catch(() => undefined))
    );
  }

  async forToken(name: string, token: string): Promise<ChallengeAnswer | undefined> {
    // RFC 8555 §8.1: base64url; anything else is somebody trying things.
    if (!/^[\w-]{1,200}$/.test(token)) return undefined;
    const own = this.#byName.get(name);
    if (own?.token === token) return own;
    const found = await this.cluster?.challenge({ name, token }).catch(() => undefined);
    return found?.token === token ? found : undefined;
  }
}

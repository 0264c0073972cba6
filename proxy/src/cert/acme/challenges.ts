/** What the authority expects to find when it comes to look. */
export interface ChallengeAnswer {
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** Finds answers of other proxies of the cluster. */
export interface ChallengeSource {
  /** @param ask an empty token stands for whichever challenge is under way */
  challenge(ask: { name: string; token: string }): Promise<ChallengeAnswer | undefined>;
}

/** Questions to the cluster at the same time: anybody can make us ask. */
const MAX_QUESTIONS = 32;
/** About names that nobody published (yet): the server tries them before they are. */
const MAX_STRANGE_QUESTIONS = 2;

/**
 * Answers to challenges under way: our own, and those of the whole cluster, because the authority asks whichever proxy
 * the name leads it to.
 */
export class Challenges {
  readonly #byName = new Map<string, ChallengeAnswer>();
  #questions = 0;
  #strangeQuestions = 0;
  /** Undefined: this proxy is alone. */
  cluster: ChallengeSource | undefined;
  /** Whether somebody published the name; there are no orders for any other. */
  serves: (name: string) => boolean = () => true;

  set(answer: ChallengeAnswer): void {
    this.#byName.set(answer.name, answer);
  }

  clear(name: string): void {
    this.#byName.delete(name);
  }

  /** @param name lower case */
  async forName(name: string): Promise<ChallengeAnswer | undefined> {
    return this.#byName.get(name) ?? (await this.#ask(name, ""));
  }

  /** @param name lower case */
  async forToken(name: string, token: string): Promise<ChallengeAnswer | undefined> {
    // RFC 8555 §8.1: base64url; anything else is somebody trying things.
    if (!/^[\w-]{1,200}$/.test(token)) return undefined;
    const own = this.#byName.get(name);
    if (own?.token === token) return own;
    const found = await this.#ask(name, token);
    return found?.token === token ? found : undefined;
  }

  /** Answers are never remembered: a "no" from before the challenge would make the order fail. */
  async #ask(name: string, token: string): Promise<ChallengeAnswer | undefined> {
    if (this.cluster === undefined || this.#questions >= MAX_QUESTIONS) return undefined;
    const isStrange = !this.serves(name);
    if (isStrange && this.#strangeQuestions >= MAX_STRANGE_QUESTIONS) return undefined;
    this.#questions += 1;
    if (isStrange) this.#strangeQuestions += 1;
    try {
      return await this.cluster.challenge({ name, token });
    } catch {
      // Without the server there is no answer; the authority comes again with the next order.
      return undefined;
    } finally {
      this.#questions -= 1;
      if (isStrange) this.#strangeQuestions -= 1;
    }
  }
}

/**
 * What a resource remembers beside its attributes: JSON values by key, kept in Terraform's state but never shown.
 * Anything that is not ours reads as empty.
 */
export class PrivateState {
  readonly #values: Map<string, unknown>;

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.#values = new Map(Object.entries(parse(bytes)));
  }

  get(key: string): unknown {
    return this.#values.get(key);
  }

  set(key: string, value: unknown): void {
    this.#values.set(key, value);
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  /** Empty when there is nothing to remember. */
  bytes(): Buffer {
    if (this.#values.size === 0) return Buffer.alloc(0);
    return Buffer.from(JSON.stringify(Object.fromEntries(this.#values)), "utf8");
  }
}

function parse(bytes: Uint8Array): object {
  if (bytes.length === 0) return {};
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

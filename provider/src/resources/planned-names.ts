/**
 * Who has which name before and after the apply that is being planned. The server only knows who has it now, and would
 * refuse a name that this same apply frees.
 */
export class PlannedNames {
  readonly #owners = new Map<string, string>();
  /** By id of the object: the names that it will have. */
  readonly #after = new Map<string, readonly string[]>();

  /** A managed object has these names. */
  stored(id: string, names: readonly string[]): void {
    for (const name of names) this.#owners.set(name, id);
  }

  /** A managed object will have these names; none when it is replaced. */
  planned(id: string, names: readonly string[]): void {
    this.#after.set(id, names);
  }

  /** True when this apply frees the name, and "perhaps" while whoever has it is managed here and not planned yet. */
  becomesFree(name: string): boolean | "perhaps" {
    const owner = this.#owners.get(name);
    if (owner === undefined) return false;
    const after = this.#after.get(owner);
    return after === undefined ? "perhaps" : !after.includes(name);
  }
}

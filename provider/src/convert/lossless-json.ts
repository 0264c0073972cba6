import { ConversionError } from "./cty-type.ts";
import { Decimal } from "./value.ts";

/** JSON with every number kept as text, and objects as `Map` so that no key is special. */
export type LosslessJson =
  | null
  | boolean
  | string
  | Decimal
  | readonly LosslessJson[]
  | ReadonlyMap<string, LosslessJson>;

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const BLANK = /[ \t\n\r]*/y;

/**
 * JSON.parse for Terraform's state: it would round 12345678901234567890, and the next plan would want to change it back.
 * @throws {ConversionError} for anything that is not JSON
 */
export function parseLosslessJson(text: string): LosslessJson {
  const parser = new Parser(text);
  return parser.document();
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): LosslessJson {
    const value = this.#value();
    this.#match(BLANK);
    if (this.#at !== this.#text.length) this.#fail();
    return value;
  }

  #value(): LosslessJson {
    this.#match(BLANK);
    const first = this.#text[this.#at];
    switch (first) {
      case "{":
        return this.#object();
      case "[":
        return this.#array();
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return new Decimal(this.#match(NUMBER) || this.#fail());
    }
  }

  #object(): LosslessJson {
    const map = new Map<string, LosslessJson>();
    this.#at += 1;
    if (this.#follows("}")) return map;
    do {
      this.#match(BLANK);
      const key = this.#string();
      if (!this.#follows(":")) this.#fail();
      map.set(key, this.#value());
    } while (this.#follows(","));
    if (!this.#follows("}")) this.#fail();
    return map;
  }

  #array(): LosslessJson {
    const array: LosslessJson[] = [];
    this.#at += 1;
    if (this.#follows("]")) return array;
    do array.push(this.#value());
    while (this.#follows(","));
    if (!this.#follows("]")) this.#fail();
    return array;
  }

  #string(): string {
    const literal = this.#match(STRING) || this.#fail();
    return literal.includes("\\") ? (JSON.parse(literal) as string) : literal.slice(1, -1);
  }

  #word<T extends LosslessJson>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail();
    this.#at += word.length;
    return value;
  }

  #follows(character: string): boolean {
    this.#match(BLANK);
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #fail(): never {
    throw new ConversionError(`not JSON at character ${this.#at}`);
  }
}

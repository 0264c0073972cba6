import type { CtyType } from "../convert/cty-type.ts";
import type { Value } from "../convert/value.ts";

/** A pure function that configurations call as `provider::<name>::<function>`. Needs Terraform 1.8. */
export interface ProviderFunction {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Markdown. */
  readonly description: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly type: CtyType;
    readonly description: string;
    readonly nullable?: boolean;
  }[];
  readonly returns: CtyType;
  /** @throws {ArgumentError} */
  call(...args: Value[]): Value;
}

/** An argument that the function has no answer for. */
export class ArgumentError extends Error {
  /** Place of the argument, from 0. */
  readonly argument: number;

  constructor(argument: number, message: string) {
    super(message);
    this.name = "ArgumentError";
    this.argument = argument;
  }
}

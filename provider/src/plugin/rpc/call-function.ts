import type { CallFunction_Request, CallFunction_Response } from "@netbird-proxy/proto/tfplugin6";
import { ArgumentError } from "../../framework/provider-function.ts";
import type { Runtime } from "../runtime.ts";
import { readValue, writeValue } from "../wire-values.ts";

/** Called in a process of its own that is not configured. */
export function callFunction(
  { provider }: Runtime,
  { name, arguments: given }: CallFunction_Request,
): CallFunction_Response {
  const found = (provider.functions ?? []).find((one) => one.name === name);
  if (found === undefined) return failed(`There is no function "${name}".`);
  try {
    const args = found.parameters.map(({ type }, index) => readValue(type, given[index]));
    return { result: writeValue(found.returns, found.call(...args)), error: undefined };
  } catch (error) {
    if (error instanceof ArgumentError) return failed(error.message, error.argument);
    return failed(
      `Unexpected failure inside the provider: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function failed(text: string, argument?: number): CallFunction_Response {
  return {
    result: undefined,
    error: { text, functionArgument: argument === undefined ? undefined : BigInt(argument) },
  };
}

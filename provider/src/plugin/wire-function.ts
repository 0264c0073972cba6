import type { FunctionMessage } from "@netbird-proxy/proto/tfplugin6";
import type { CtyType } from "../convert/cty-type.ts";
import type { ProviderFunction } from "../framework/provider-function.ts";

const MARKDOWN = 1;

export function wireFunctions(functions: readonly ProviderFunction[]): Record<string, FunctionMessage> {
  return Object.fromEntries(functions.map((one) => [one.name, wireFunction(one)]));
}

function wireFunction({ parameters, returns, summary, description }: ProviderFunction): FunctionMessage {
  return {
    parameters: parameters.map((parameter) => ({
      name: parameter.name,
      type: wireType(parameter.type),
      allowNullValue: parameter.nullable ?? false,
      // Terraform then does not call at all, and the result is unknown.
      allowUnknownValues: false,
      description: parameter.description,
      descriptionKind: MARKDOWN,
    })),
    variadicParameter: undefined,
    return: { type: wireType(returns) },
    summary,
    description,
    descriptionKind: MARKDOWN,
    deprecationMessage: "",
  };
}

function wireType(type: CtyType): Buffer {
  return Buffer.from(JSON.stringify(type), "utf8");
}

import type { ReadDataSource_Request, ReadDataSource_Response } from "@netbird-proxy/proto/tfplugin6";
import { typeOf } from "../../framework/schema.ts";
import { settleRead, type ToldObject } from "../../framework/settle-state.ts";
import { callContext, describeFailure } from "../call-context.ts";
import type { Runtime } from "../runtime.ts";
import { wireDiagnostics } from "../wire-diagnostics.ts";
import { readObject, writeObject } from "../wire-values.ts";

export async function readDataSource(
  runtime: Runtime,
  request: ReadDataSource_Request,
): Promise<ReadDataSource_Response> {
  const source = runtime.dataSource(request.typeName);
  const { attributes } = source.schema;
  const type = typeOf(attributes);
  const context = callContext(runtime);
  const config = readObject(type, request.config) ?? {};
  try {
    const told = await source.read({ ...context, client: runtime.requireClient(), config: config as never });
    const state = settleRead(attributes, config, told as ToldObject);
    return {
      state: writeObject(type, state),
      diagnostics: wireDiagnostics(context.diagnostics.items),
      deferred: undefined,
    };
  } catch (error) {
    for (const item of describeFailure(runtime, error, `read data.${request.typeName}`, (field) => [field]))
      context.diagnostics.add(item);
    return {
      state: writeObject(type, null),
      diagnostics: wireDiagnostics(context.diagnostics.items),
      deferred: undefined,
    };
  }
}

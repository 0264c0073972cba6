import { credentials, type handleUnaryCall } from "@grpc/grpc-js";
import {
  type DynamicValue,
  type ListResource_Event,
  type ListResource_Request,
  ProviderClient,
  type ProviderServer,
  type ResourceIdentityData,
} from "@netbird-proxy/proto/tfplugin6";
import type { CtyType } from "../../src/convert/cty-type.ts";
import { decodeMsgpack } from "../../src/convert/decode-msgpack.ts";
import { encodeMsgpack } from "../../src/convert/encode-msgpack.ts";
import type { ObjectValue } from "../../src/convert/value.ts";
import { identityType } from "../../src/framework/identity.ts";
import type { Provider } from "../../src/framework/resource.ts";
import { typeOf } from "../../src/framework/schema.ts";
import { providerAddress, readEnvironment, startForDebugging } from "../../src/index.ts";

type Calls = {
  [K in keyof ProviderServer]: ProviderServer[K] extends handleUnaryCall<infer Q, infer R>
    ? { request: Q; response: R }
    : never;
};

/** Speaks with a provider as a Terraform does that is newer than the one we have: over gRPC, byte by byte the protocol. */
export class PluginClient {
  readonly #client: ProviderClient;
  readonly #stop: () => void;
  // biome-ignore lint/suspicious/noExplicitAny: any provider
  readonly #provider: Provider<any, any>;

  // biome-ignore lint/suspicious/noExplicitAny: as above
  private constructor(provider: Provider<any, any>, address: string, stop: () => void) {
    this.#provider = provider;
    this.#client = new ProviderClient(address, credentials.createInsecure());
    this.#stop = stop;
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above
  static async of(provider: Provider<any, any>, socketFolder: string): Promise<PluginClient> {
    const environment = readEnvironment({ PLUGIN_UNIX_SOCKET_DIR: socketFolder });
    const served = await startForDebugging(provider, providerAddress, environment, () => {});
    const socket = JSON.parse(served.reattach)[providerAddress].Addr.String;
    return new PluginClient(provider, `unix:${socket}`, () => served.close());
  }

  close(): void {
    this.#client.close();
    this.#stop();
  }

  call<K extends keyof Calls & keyof ProviderClient>(
    rpc: K,
    request: Calls[K]["request"],
  ): Promise<Calls[K]["response"]> {
    const method = (this.#client[rpc] as (request: unknown, callback: unknown) => void).bind(this.#client);
    return new Promise((resolve, reject) => {
      method(request, (error: unknown, response: Calls[K]["response"]) =>
        error ? reject(error) : resolve(response),
      );
    });
  }

  /** @param take after how many events the caller loses interest */
  async list(
    request: Partial<ListResource_Request>,
    take = Number.POSITIVE_INFINITY,
  ): Promise<ListResource_Event[]> {
    const stream = this.#client.listResource({
      typeName: "",
      config: undefined,
      includeResourceObject: false,
      limit: 0n,
      ...request,
    });
    const events: ListResource_Event[] = [];
    for await (const event of stream) {
      events.push(event as ListResource_Event);
      if (events.length >= take) break;
    }
    return events;
  }

  encode(type: CtyType, value: ObjectValue | null): DynamicValue {
    return { msgpack: encodeMsgpack(type, value), json: Buffer.alloc(0) };
  }

  state(typeName: string, value: ObjectValue | null): DynamicValue {
    return this.encode(this.#stateType(typeName), value);
  }

  readState(typeName: string, value: DynamicValue | undefined): ObjectValue | null {
    return decodeMsgpack(this.#stateType(typeName), value!.msgpack) as ObjectValue | null;
  }

  identity(typeName: string, value: ObjectValue): ResourceIdentityData {
    return { identityData: this.encode(identityType(this.#resource(typeName))!, value) };
  }

  readIdentity(typeName: string, data: ResourceIdentityData | undefined): ObjectValue | undefined {
    if (data === undefined) return undefined;
    const type = identityType(this.#resource(typeName))!;
    return decodeMsgpack(type, data.identityData!.msgpack) as ObjectValue;
  }

  #resource(typeName: string) {
    return this.#provider.resources.find((one) => one.typeName === typeName)!;
  }

  #stateType(typeName: string): CtyType {
    return typeOf(this.#resource(typeName).schema.attributes);
  }
}

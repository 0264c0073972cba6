import type { ApiClient } from "../client/api-client.ts";
import { isGone } from "../client/failure.ts";
import type { EphemeralContext, EphemeralResource, Lease } from "../framework/ephemeral-resource.ts";
import type { Attributes, StateOf, ToldOf } from "../framework/schema.ts";
import { warnAboutLeftover } from "../resources/leftover.ts";
import type { Walk } from "../resources/walk.ts";

/** The part of its life after which the end of a secret is announced. */
const ANNOUNCED_AFTER = 0.8;

/** A secret that is made when Terraform asks for it, and deleted when Terraform is done. */
export interface ShortLivedKind<A extends Attributes> {
  readonly typeName: string;
  /** For people: `setup key`. */
  readonly what: string;
  readonly description: string;
  readonly attributes: A;
  validate?: EphemeralResource<A, Walk>["validate"];
  make(
    api: ApiClient,
    config: StateOf<A>,
    signal: AbortSignal,
  ): Promise<{
    /** Where to DELETE it. */
    path: string;
    /** When it ends by itself, RFC 3339; undefined for never. */
    endsAt: string | undefined;
    told: ToldOf<A>;
  }>;
}

/** The API cannot prolong a secret, so renewing says that the end is near. */
export function shortLived<A extends Attributes & { readonly name: Attributes[string] }>(
  kind: ShortLivedKind<A>,
): EphemeralResource<A, Walk> {
  const { typeName, what, description, attributes } = kind;
  return {
    typeName,
    schema: { version: 0, description, attributes },
    validate: kind.validate,

    async open({
      client,
      config,
      signal,
      diagnostics,
      private: memory,
    }): Promise<Lease & { told: ToldOf<A> }> {
      const name = (config as { name: unknown }).name;
      const startedMs = Date.now();
      const { path, endsAt, told } = await kind.make(client.api, config, signal).catch((error: unknown) => {
        warnAboutLeftover(error, what, name, diagnostics);
        throw error;
      });
      memory.set("name", name);
      if ((config as { keep?: unknown }).keep !== true) memory.set("path", path);
      if (endsAt === undefined) return { told };
      memory.set("endsAt", endsAt);
      return { told, renewAtMs: startedMs + (Date.parse(endsAt) - startedMs) * ANNOUNCED_AFTER };
    },

    async renew({ log, private: memory }: EphemeralContext<Walk>): Promise<Lease> {
      // A diagnostic would be lost: Terraform shows none of a renewal that succeeds.
      log("warn", `the ${what} is about to end, and Terraform still works`, {
        name: memory.get("name"),
        ends_at: memory.get("endsAt"),
      });
      return {};
    },

    async close({ client, signal, private: memory }) {
      const path = memory.get("path");
      if (typeof path !== "string") return;
      try {
        await client.api.delete(path, signal);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
  };
}

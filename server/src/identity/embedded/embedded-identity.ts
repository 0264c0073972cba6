import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import inject from "light-my-request";
import type { Provider } from "oidc-provider";
import type { Store } from "../../store/open.ts";
import { MOUNT_PATH } from "./contract.ts";
import { readIdentityKeys } from "./identity-keys.ts";

/** Other servers' new keys are seen within this; a new key waits an hour before it signs. */
const KEYS_KEPT_MS = 5 * 60_000;

/** A browser in which somebody has signed in before. */
export interface KnownDevice {
  id: string;
  userId: string;
}

export interface EmbeddedIdentity {
  /** With the keys of now. */
  provider(): Promise<Provider>;
  /** Answers a request under `/oauth2/`. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Lets the provider read a request that a route of ours answers. */
  prepare(request: IncomingMessage): void;
  /** Marks a browser as one of the user's, in a value that nobody else can make. */
  issueDevice(userId: string): Promise<string>;
  /** Undefined for anything that was not issued here, or too long ago. */
  readDevice(value: string): Promise<KnownDevice | undefined>;
  /** Requests of this process to its own provider, without a network. */
  fetch: typeof globalThis.fetch;
}

export interface EmbeddedIdentityOptions {
  store: Store;
  nowMs: () => number;
  /** Known once the server listens. */
  publicUrl: () => string;
  dashboardOrigins: readonly string[];
}

export function createEmbeddedIdentity({
  store,
  nowMs,
  publicUrl,
  dashboardOrigins,
}: EmbeddedIdentityOptions): EmbeddedIdentity {
  let current: { at: number; kids: string; provider: Provider; cookieKeys: string[] } | undefined;
  let building: Promise<Provider> | undefined;

  async function build(): Promise<Provider> {
    const keys = await readIdentityKeys(store, nowMs());
    const kids = JSON.stringify([keys.signing.map(({ kid }) => kid), keys.cookies.length, publicUrl()]);
    if (current?.kids === kids) {
      current.at = nowMs();
      return current.provider;
    }
    // Loaded by the first one who signs in: most servers start for Terraform and proxies.
    const { createEmbeddedProvider } = await import("./provider.ts");
    const provider = createEmbeddedProvider({ store, nowMs, publicUrl: publicUrl(), dashboardOrigins, keys });
    // The addresses it writes are those of the public URL, which prepare() puts into every request.
    provider.proxy = true;
    current = { at: nowMs(), kids, provider, cookieKeys: keys.cookies };
    return provider;
  }

  const identity: EmbeddedIdentity = {
    async provider() {
      if (current && nowMs() - current.at < KEYS_KEPT_MS) return current.provider;
      building ??= build().finally(() => (building = undefined));
      return building;
    },
    async serve(request, response) {
      const provider = await identity.provider();
      identity.prepare(request);
      // The provider finds its own path as the difference of these two.
      (request as IncomingMessage & { originalUrl?: string }).originalUrl = request.url ?? "/";
      request.url = (request.url ?? "/").slice(MOUNT_PATH.length) || "/";
      await provider.callback()(request, response);
    },
    prepare(request) {
      const { protocol, host } = new URL(publicUrl());
      request.headers.host = host;
      request.headers["x-forwarded-proto"] = protocol.slice(0, -1);
      delete request.headers["x-forwarded-host"];
      delete request.headers[":authority"];
    },
    async issueDevice(userId) {
      await identity.provider();
      const body = Buffer.from(JSON.stringify({ id: randomUUID(), userId })).toString("base64url");
      return `${body}.${mac(current!.cookieKeys[0]!, body)}`;
    },
    async readDevice(value) {
      const [body = "", signature = ""] = value.split(".");
      await identity.provider();
      const given = Buffer.from(signature, "base64url");
      const good = current!.cookieKeys.some((key) => {
        const wanted = Buffer.from(mac(key, body), "base64url");
        return given.length === wanted.length && timingSafeEqual(given, wanted);
      });
      return good ? JSON.parse(Buffer.from(body, "base64url").toString()) : undefined;
    },
    fetch: async (input, init = {}) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const body = init.body;
      const answer = await inject(
        (request, response) => void identity.serve(request as never, response as never),
        {
          method: (init.method ?? "GET") as "GET",
          url: url.pathname + url.search,
          headers: Object.fromEntries(new Headers(init.headers)),
          ...(body === undefined || body === null ? {} : { payload: String(body) }),
        },
      );
      const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [
        name,
        String(value),
      ]);
      return new Response(answer.payload, { status: answer.statusCode, headers });
    },
  };
  return identity;
}

function mac(key: string, body: string): string {
  return createHmac("sha256", Buffer.from(key, "base64")).update(`device ${body}`).digest("base64url");
}

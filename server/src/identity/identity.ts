import type { Store } from "../store/open.ts";
import { CLI_CLIENT, DASHBOARD_CLIENT, MOUNT_PATH } from "./embedded/contract.ts";
import { createEmbeddedIdentity, type EmbeddedIdentity } from "./embedded/embedded-identity.ts";
import { createOidcClient, type OidcClient } from "./oidc-client.ts";

/** An OpenID Connect provider that somebody else runs. */
export interface ExternalProvider {
  issuer: string;
  clientId: string;
  /** Absent: a public client. */
  clientSecret: string | undefined;
  /** Whom tokens for the API are for; the client's id, unless another is configured. */
  audiences: readonly string[];
  /** Whose value becomes the id of a user here. */
  userIdClaim: string;
  scopes: string;
}

/** Where people sign in: at the embedded provider, or at an external one. */
export interface Identity {
  /** Undefined: people are kept elsewhere. */
  embedded: EmbeddedIdentity | undefined;
  client(): OidcClient;
  userIdClaim: string;
  /** The server as browsers see it, without a path. */
  publicUrl(): string;
}

export interface IdentityOptions {
  store: Store;
  nowMs: () => number;
  publicUrl: () => string;
  dashboardOrigins: readonly string[];
  external: ExternalProvider | undefined;
}

export function createIdentity({
  store,
  nowMs,
  publicUrl,
  dashboardOrigins,
  external,
}: IdentityOptions): Identity {
  const embedded = external
    ? undefined
    : createEmbeddedIdentity({ store, nowMs, publicUrl, dashboardOrigins });
  let client: OidcClient | undefined;
  return {
    embedded,
    publicUrl,
    userIdClaim: external?.userIdClaim ?? "sub",
    // Made at its first use: a server that takes any free port knows its own address late.
    client: () =>
      (client ??= createOidcClient({
        issuer: external?.issuer ?? `${publicUrl()}${MOUNT_PATH}`,
        clientId: external?.clientId ?? DASHBOARD_CLIENT,
        clientSecret: external?.clientSecret,
        audiences: external?.audiences ?? [DASHBOARD_CLIENT, CLI_CLIENT],
        scopes: external?.scopes ?? "openid profile email",
        nowMs,
        fetch: embedded?.fetch,
      })),
  };
}

import { type Configuration, errors, type KoaContextWithOIDC, Provider } from "oidc-provider";
import { listGroupNames } from "../../store/find-peer.ts";
import type { Store } from "../../store/open.ts";
import { findPerson } from "../../store/users.ts";
import { CALLBACK_PATH, CLI_CLIENT, DASHBOARD_CLIENT, MOUNT_PATH, SCOPES } from "./contract.ts";
import type { IdentityKeys } from "./identity-keys.ts";
import { logoutPage, signedOutPage } from "./provider-pages.ts";
import { recordAdapter } from "./record-adapter.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;

export interface EmbeddedProviderOptions {
  store: Store;
  nowMs: () => number;
  /** The server as browsers see it, without a path. */
  publicUrl: string;
  /** Origins of dashboards on other hosts. */
  dashboardOrigins: readonly string[];
  keys: IdentityKeys;
}

/**
 * OpenID Connect for the users that the server keeps itself. Both clients are public ones: they have no secret, so a code
 * is worth nothing without its PKCE verifier (RFC 9700 §2.1.1).
 */
export function createEmbeddedProvider(options: EmbeddedProviderOptions): Provider {
  const { store, nowMs, publicUrl, dashboardOrigins, keys } = options;
  const resource = `${publicUrl}/api`;
  const configuration: Configuration = {
    adapter: recordAdapter(store, nowMs),
    jwks: { keys: keys.signing as never },
    cookies: {
      keys: keys.cookies,
      names: { session: "nb_idp", interaction: "nb_idp_step", resume: "nb_idp_resume" },
      long: { httpOnly: true, sameSite: "lax", secure: publicUrl.startsWith("https:"), path: MOUNT_PATH },
      short: { httpOnly: true, sameSite: "lax", secure: publicUrl.startsWith("https:") },
    },
    clients: [
      {
        client_id: DASHBOARD_CLIENT,
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        redirect_uris: [
          `${publicUrl}${CALLBACK_PATH}`,
          ...[publicUrl, ...dashboardOrigins].flatMap((origin) =>
            ["/", "/auth", "/silent-auth", "/nb-auth", "/nb-silent-auth"].map((path) => `${origin}${path}`),
          ),
        ],
        post_logout_redirect_uris: [publicUrl, ...dashboardOrigins].map((origin) => `${origin}/`),
      },
      {
        client_id: CLI_CLIENT,
        application_type: "native",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        // Any port: RFC 8252 §7.3.
        redirect_uris: ["http://127.0.0.1", "http://127.0.0.1/callback", "http://localhost"],
      },
    ],
    scopes: SCOPES.split(" "),
    claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"], groups: ["groups"] },
    // Clients read who signed in from the ID token.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    // Browsers name the origin of our own pages too.
    clientBasedCORS: (_ctx, origin) => [publicUrl, ...dashboardOrigins].includes(origin),
    routes: {
      authorization: "/auth",
      token: "/token",
      jwks: "/keys",
      userinfo: "/userinfo",
      end_session: "/logout",
    },
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: logoutPage,
        postLogoutSuccessSource: signedOutPage,
      },
      // Access tokens are JWTs for the API (RFC 9068), as those of NetBird's embedded provider are.
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => resource,
        useGrantedResource: async () => true,
        getResourceServerInfo: async (_ctx, indicator) => {
          if (indicator !== resource) throw new errors.InvalidTarget();
          return {
            scope: "",
            audience: DASHBOARD_CLIENT,
            accessTokenTTL: HOUR,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: "RS256" } },
          };
        },
      },
    },
    // Both clients get one, whatever they ask for; it ends with the session, and works once (RFC 9700 §4.14.2).
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed("refresh_token"),
    ttl: {
      AccessToken: HOUR,
      AuthorizationCode: 60,
      IdToken: HOUR,
      Interaction: 600,
      Session: DAY,
      Grant: 14 * DAY,
      RefreshToken: 14 * DAY,
    },
    interactions: { url: (_ctx, interaction) => `${MOUNT_PATH}/sign-in/${interaction.uid}` },
    findAccount: async (_ctx, id) => {
      const user = await findPerson(store.db, id);
      // A blocked user may sign in and is told so by the API; NetBird's dashboard explains it on its own page.
      if (!user || user.passwordHash === null) return undefined;
      return {
        accountId: user.id,
        claims: async () => ({
          sub: user.id,
          name: user.name,
          email: user.email,
          email_verified: true,
          groups: (await listGroupNames(store.db, user.accountId, user.autoGroups)).map(({ name }) => name),
        }),
      };
    },
    loadExistingGrant: grantToOwnClients(resource),
    renderError: async (ctx, out) => {
      ctx.type = "text/plain; charset=utf-8";
      ctx.body = `${out.error}: ${out.error_description ?? "the request cannot be answered"}\n`;
    },
  };
  return new Provider(`${publicUrl}${MOUNT_PATH}`, configuration);
}

/** Both clients are the product itself, so nobody is asked whether they may know the name. */
function grantToOwnClients(resource: string) {
  return async (ctx: KoaContextWithOIDC) => {
    const { client, session, provider } = ctx.oidc;
    const known = session!.grantIdFor(client!.clientId);
    const grant =
      (known && (await provider.Grant.find(known))) ||
      new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! });
    grant.addOIDCScope(SCOPES);
    grant.addResourceScope(resource, "");
    await grant.save();
    return grant;
  };
}

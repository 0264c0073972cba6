import { AppError } from "@netbird-proxy/proto";
import { createRemoteJWKSet, errors, type JWTPayload, customFetch as joseFetch, jwtVerify } from "jose";
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  ClientSecretPost,
  type Configuration,
  customFetch,
  discovery,
  None,
} from "openid-client";

const DISCOVERY_KEPT_MS = 10 * 60_000;
const PROVIDER_TIMEOUT_SECONDS = 5;
/** Clocks of two machines differ a little. */
const CLOCK_TOLERANCE_SECONDS = 30;

/** What an identity provider says about somebody, verified. */
export type Claims = JWTPayload & { sub: string };

export interface AuthorizationRequest {
  redirectUri: string;
  state: string;
  nonce: string;
  /** PKCE, S256 (RFC 7636). */
  codeChallenge: string;
}

/** The identity provider, as the server sees it: OpenID Connect Core 1.0, whoever runs it. */
export interface OidcClient {
  readonly issuer: string;
  /**
   * An ID token or a JWT access token for one of the audiences.
   * @throws AppError `auth.invalid_token`, `auth.expired_token`, `identity.unreachable`
   */
  verify(jwt: string): Promise<Claims>;
  /** Where a browser goes to sign in. @throws AppError `identity.unreachable` */
  authorizationUrl(request: AuthorizationRequest): Promise<string>;
  /**
   * Turns the address that the browser came back to into the claims of the ID token.
   * @throws AppError `identity.unreachable`, `identity.refused`
   */
  exchange(callback: URL, expected: { state: string; nonce: string; verifier: string }): Promise<Claims>;
}

export interface OidcClientOptions {
  /** An https URL; http is for loopback. */
  issuer: string;
  clientId: string;
  /** Absent: a public client. */
  clientSecret?: string | undefined;
  /** Whom the tokens that the API accepts are for. */
  audiences: readonly string[];
  scopes: string;
  nowMs: () => number;
  /** For a provider in this process; absent: over the network. */
  fetch?: typeof globalThis.fetch | undefined;
}

type Fetch = (url: string, options: RequestInit) => Promise<Response>;

export function createOidcClient(options: OidcClientOptions): OidcClient {
  const { issuer, clientId, clientSecret, audiences, scopes, nowMs, fetch } = options;
  let discovered: { at: number; config: Promise<Configuration>; keys: Promise<Keys> } | undefined;

  function provider() {
    if (discovered && nowMs() - discovered.at < DISCOVERY_KEPT_MS) return discovered;
    const config = discover();
    const keys = config.then(remoteKeys);
    const mine = { at: nowMs(), config, keys };
    discovered = mine;
    // A provider that was down for a moment must not stay down for ten minutes.
    keys.catch(() => {
      if (discovered === mine) discovered = undefined;
    });
    return mine;
  }

  async function discover(): Promise<Configuration> {
    try {
      const config = await discovery(
        new URL(issuer),
        clientId,
        undefined,
        clientSecret ? ClientSecretPost(clientSecret) : None(),
        {
          timeout: PROVIDER_TIMEOUT_SECONDS,
          execute: issuer.startsWith("http:") ? [allowInsecureRequests] : [],
          ...(fetch ? { [customFetch]: fetch as Fetch as never } : {}),
        },
      );
      if (!config.serverMetadata().jwks_uri) throw new Error("it publishes no jwks_uri");
      return config;
    } catch (error) {
      throw unreachable(issuer, error);
    }
  }

  type Keys = ReturnType<typeof createRemoteJWKSet>;
  function remoteKeys(config: Configuration): Keys {
    // Fetched again when a token names a key that is not among them, at most every five seconds: keys are rotated.
    return createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri!), {
      cooldownDuration: 5_000,
      cacheMaxAge: DISCOVERY_KEPT_MS,
      timeoutDuration: PROVIDER_TIMEOUT_SECONDS * 1000,
      ...(fetch ? { [joseFetch]: fetch as never } : {}),
    });
  }

  return {
    issuer,
    async verify(jwt) {
      const keys = await provider().keys;
      try {
        const { payload } = await jwtVerify(jwt, keys, {
          issuer,
          audience: [...audiences],
          algorithms: SIGNATURES,
          requiredClaims: ["sub", "exp"],
          currentDate: new Date(nowMs()),
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
        });
        return payload as Claims;
      } catch (error) {
        throw explain(issuer, error);
      }
    },
    async authorizationUrl({ redirectUri, state, nonce, codeChallenge }) {
      return buildAuthorizationUrl(await provider().config, {
        redirect_uri: redirectUri,
        scope: scopes,
        state,
        nonce,
        code_challenge: codeChallenge,
        code_challenge_method: "S256",
      }).href;
    },
    async exchange(callback, { state, nonce, verifier }) {
      const config = await provider().config;
      try {
        const tokens = await authorizationCodeGrant(config, callback, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        // The token came straight from the provider, but a signature that nobody checks is none.
        return await this.verify(tokens.id_token!);
      } catch (error) {
        if (error instanceof AppError) throw error;
        throw new AppError("identity.refused", `${issuer} did not complete the sign-in: ${reason(error)}`, {
          cause: error,
        });
      }
    },
  };
}

/** No symmetric ones, no "none": the keys that are published are public. */
const SIGNATURES = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

function explain(issuer: string, error: unknown): AppError {
  if (error instanceof errors.JWTExpired) {
    return new AppError("auth.expired_token", "the token has expired", {
      cause: error,
      hint: "Sign in again.",
    });
  }
  // Keys that could not be fetched are no fault of the token.
  const { code } = error as { code?: string };
  if (
    error instanceof errors.JWKSTimeout ||
    !(error instanceof errors.JOSEError) ||
    code === "ERR_JOSE_GENERIC"
  ) {
    return unreachable(issuer, error);
  }
  return new AppError(
    "auth.invalid_token",
    `the token is not one of ${issuer} for this server: ${reason(error)}`,
    {
      cause: error,
      hint: "Sign in again; if it goes on, compare issuer and audience of the token with the server's configuration.",
    },
  );
}

function unreachable(issuer: string, error: unknown): AppError {
  return new AppError(
    "identity.unreachable",
    `the identity provider ${issuer} does not answer: ${reason(error)}`,
    {
      cause: error,
    },
  );
}

/** The innermost message says what happened: "fetch failed" does not. */
function reason(error: unknown): string {
  let current = error as { message?: string; cause?: unknown; error_description?: string };
  for (let depth = 0; depth < 5 && current.cause instanceof Error; depth += 1)
    current = current.cause as never;
  return String(current.error_description ?? current.message ?? error);
}

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { Provider } from "oidc-provider";

type Key = Parameters<SignJWT["sign"]>[0];

/** A real OpenID Connect provider of somebody else, on loopback. Whatever is typed as the user's name signs in. */
export interface ForeignProvider {
  readonly issuer: string;
  /** What it says about a user, by id. */
  readonly people: Map<string, Record<string, unknown>>;
  /** A token that it signs, with any claims. */
  sign(claims: Record<string, unknown>, options?: { key?: Key; kid?: string }): Promise<string>;
  /** Signs with a new key from now on; the old one is not published any more. */
  rotate(): Promise<void>;
  /** Follows the authorization request as a browser whose user signs in. @returns where it is sent */
  visit(url: string, user: string): Promise<string>;
  close(): Promise<void>;
}

export const FOREIGN_CLIENT = "netbird";

export async function startForeignProvider(redirectUri: string): Promise<ForeignProvider> {
  let kid = 0;
  let key!: Key;
  let handler!: ReturnType<Provider["callback"]>;
  const people = new Map<string, Record<string, unknown>>();
  const server: Server = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function rotate(): Promise<void> {
    kid += 1;
    const pair = await generateKeyPair("RS256", { extractable: true });
    key = pair.privateKey;
    const jwk: JWK = { ...(await exportJWK(key)), kid: `key-${kid}`, alg: "RS256", use: "sig" };
    // It warns of what this test wants: its own pages, and everything in memory.
    const { warn } = console;
    console.warn = () => {};
    const provider = new Provider(issuer, {
      jwks: { keys: [jwk as never] },
      cookies: { keys: ["only a test"] },
      clients: [
        {
          client_id: FOREIGN_CLIENT,
          client_secret: "the-secret",
          token_endpoint_auth_method: "client_secret_post",
          redirect_uris: [redirectUri],
        },
      ],
      claims: { openid: ["sub"], profile: ["name"], email: ["email"], groups: ["groups"] },
      scopes: ["openid", "profile", "email", "groups"],
      conformIdTokenClaims: false,
      // Its own pages are what stands in for people here.
      features: { devInteractions: { enabled: true } },
      findAccount: (_ctx, id) => ({
        accountId: id,
        claims: async () => ({ sub: id, ...people.get(id) }),
      }),
    });
    console.warn = warn;
    handler = provider.callback();
  }
  await rotate();

  return {
    issuer,
    people,
    rotate,
    sign: (claims, options = {}) => {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT({ iss: issuer, aud: FOREIGN_CLIENT, iat: now, exp: now + 600, ...claims })
        .setProtectedHeader({ alg: "RS256", kid: options.kid ?? `key-${kid}` })
        .sign(options.key ?? key);
    },
    async visit(url, user) {
      const cookies = new Map<string, string>();
      let target = new URL(url);
      let form: URLSearchParams | undefined;
      for (let step = 0; step < 20; step += 1) {
        const answer = await fetch(target, {
          redirect: "manual",
          method: form ? "POST" : "GET",
          headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
          ...(form ? { body: form } : {}),
        });
        form = undefined;
        for (const line of answer.headers.getSetCookie()) {
          const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          if (/expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(name);
          else cookies.set(name, value);
        }
        const location = answer.headers.get("location");
        if (location !== null) {
          target = new URL(location, target);
          if (target.origin !== issuer) return target.href;
          continue;
        }
        const text = await answer.text();
        const prompt = /name="prompt" value="(\w+)"/.exec(text)?.[1];
        if (answer.status !== 200 || prompt === undefined) throw new Error(`${answer.status} ${text}`);
        form = new URLSearchParams({ prompt, login: user, password: "any" });
      }
      throw new Error("the sign-in goes round in circles");
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

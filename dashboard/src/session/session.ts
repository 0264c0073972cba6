import { type User, UserManager, WebStorageStateStore } from "oidc-client-ts";

/** Somebody who is signed in, in this tab. */
export interface Session {
  /** For people. */
  readonly name: string;
  /** @returns the header that requests carry @throws when the sign-in has ended */
  authorization(): Promise<string>;
}

const TOKEN_KEY = "netbird-token";
const { origin } = window.location;

/** The embedded identity provider, as docs/sign-in.md describes it. */
const provider = new UserManager({
  authority: `${origin}/oauth2`,
  client_id: "netbird-dashboard",
  redirect_uri: `${origin}/auth`,
  post_logout_redirect_uri: `${origin}/`,
  scope: "openid profile email offline_access",
  userStore: new WebStorageStateStore({ store: window.sessionStorage }),
});

/** People of somebody else's provider have no sign-in here, only tokens. */
export async function hasProvider(): Promise<boolean> {
  const response = await fetch("/oauth2/.well-known/openid-configuration");
  return response.ok;
}

/** Leaves for the identity provider, and comes back to this page. */
export function signInAtProvider(): Promise<void> {
  return provider.signinRedirect({ state: window.location.pathname });
}

/** @throws when the server does not accept the token */
export async function signInWithToken(token: string): Promise<Session> {
  const session = tokenSession(token);
  // Needs no permission, so that service users get in too.
  const response = await fetch("/api/instance/version", {
    headers: { authorization: await session.authorization() },
  });
  if (!response.ok) throw new Error("The server does not accept this token.");
  window.sessionStorage.setItem(TOKEN_KEY, token);
  return session;
}

/** @returns null when nobody is signed in @throws when coming back from the provider has failed */
export async function restoreSession(): Promise<Session | null> {
  if (window.location.pathname === "/auth") {
    try {
      const user = await provider.signinCallback();
      // The code leaves the address and the history.
      window.history.replaceState(null, "", typeof user?.state === "string" ? user.state : "/");
      return user === undefined ? null : providerSession(user);
    } catch (error) {
      window.history.replaceState(null, "", "/");
      throw error;
    }
  }
  const token = window.sessionStorage.getItem(TOKEN_KEY);
  if (token !== null) return tokenSession(token);
  const user = await provider.getUser();
  return user === null ? null : providerSession(user);
}

/** Forgets who was signed in, in this tab. */
export async function forget(): Promise<void> {
  window.sessionStorage.removeItem(TOKEN_KEY);
  await provider.removeUser();
}

/** At the identity provider too, which leads back to the start page. */
export async function signOut(session: Session): Promise<void> {
  if (session instanceof ProviderSession) await provider.signoutRedirect();
  else await forget();
}

class ProviderSession implements Session {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  async authorization(): Promise<string> {
    let user = await provider.getUser();
    // Refreshed in time by the library; a tab that slept has to do it first.
    if (user?.expired) user = await provider.signinSilent();
    if (!user) throw new Error("your sign-in has ended");
    return `Bearer ${user.access_token}`;
  }
}

function providerSession({ profile }: User): Session {
  return new ProviderSession(profile.name || profile.email || profile.sub);
}

function tokenSession(token: string): Session {
  return { name: "access token", authorization: async () => `Token ${token}` };
}

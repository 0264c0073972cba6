import { useEffect, useState } from "react";
import { SWRConfig } from "swr";
import { Link, Route, Switch } from "wouter";
import { ApiContext } from "./api/api-context.ts";
import { createApi } from "./api/client.ts";
import { ServiceList } from "./services/service-list.tsx";
import { ServicePage } from "./services/service-page.tsx";
import { forget, restoreSession, type Session, signOut } from "./session/session.ts";
import { SignIn } from "./session/sign-in.tsx";

const REFRESH_MS = 5000;
/** Once for the page: a code that came back from the provider works once. */
const restored = restoreSession();

/** Everything below needs somebody who is signed in; what they may see, the server decides. */
export function App() {
  /** Undefined while it is being found out. */
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const [problem, setProblem] = useState("");

  useEffect(() => {
    restored.then(setSession, (error: Error) => {
      setProblem(error.message);
      setSession(null);
    });
  }, []);

  if (session === undefined) return <p className="waiting">Signing in …</p>;
  if (session === null) return <SignIn problem={problem} onSession={setSession} />;

  const ended = (why: string) => {
    setProblem(why);
    setSession(null);
  };
  const api = createApi(session, () => {
    void forget().finally(() => ended("You were signed out: the server no longer accepts your sign-in."));
  });
  return (
    <SWRConfig
      value={{
        fetcher: (path: string) => api(path),
        refreshInterval: REFRESH_MS,
        errorRetryInterval: REFRESH_MS,
      }}
    >
      <header>
        <Link href="/">Services</Link>
        <span className="who">{session.name}</span>
        <button type="button" className="plain" onClick={() => void leave(session, ended)}>
          Sign out
        </button>
      </header>
      <ApiContext value={api}>
        <main>
          <Switch>
            <Route path="/services/:id">{({ id }) => <ServicePage id={id} />}</Route>
            <Route path="/">
              <ServiceList />
            </Route>
            <Route>
              <p>There is no such page.</p>
            </Route>
          </Switch>
        </main>
      </ApiContext>
    </SWRConfig>
  );
}

async function leave(session: Session, ended: (why: string) => void): Promise<void> {
  try {
    await signOut(session);
    ended("");
  } catch (error) {
    ended(`You are signed out here, and not at the identity provider: ${(error as Error).message}`);
  }
}

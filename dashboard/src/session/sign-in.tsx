import { type FormEvent, useEffect, useState } from "react";
import { hasProvider, type Session, signInAtProvider, signInWithToken } from "./session.ts";

interface SignInProps {
  /** Why the one before has ended, or failed. */
  problem: string;
  onSession: (session: Session) => void;
}

/** With the embedded identity provider where there is one, or with an access token. */
export function SignIn({ problem, onSession }: SignInProps) {
  const [offersProvider, setOffersProvider] = useState(false);
  const [failure, setFailure] = useState(problem);

  useEffect(() => {
    hasProvider().then(setOffersProvider, () => setFailure("The server does not answer."));
  }, []);

  const withToken = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get("token");
    signInWithToken(String(token).trim()).then(onSession, (error: Error) => setFailure(error.message));
  };

  return (
    <main className="sign-in">
      <h1>NetBird Reverse Proxy</h1>
      {failure !== "" && (
        <p role="alert" className="problem">
          {failure}
        </p>
      )}
      {offersProvider && (
        <button
          type="button"
          onClick={() => signInAtProvider().catch((error: Error) => setFailure(error.message))}
        >
          Sign in
        </button>
      )}
      <details open={!offersProvider}>
        <summary>With an access token</summary>
        <form onSubmit={withToken}>
          <label>
            Access token
            <input name="token" type="password" autoComplete="off" required />
          </label>
          <button type="submit">Sign in with the token</button>
        </form>
      </details>
    </main>
  );
}

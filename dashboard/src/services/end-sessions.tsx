import type { Service } from "@netbird-proxy/proto/rest";
import { useRef, useState } from "react";
import { useApi } from "../api/api-context.ts";
import { LoadProblem } from "../api/load-problem.tsx";

/** Signs every visitor of a service out, on every proxy. Asks first: it cannot be taken back. */
export function EndSessions({ service: { id, name, auth } }: { service: Service }) {
  const api = useApi();
  const question = useRef<HTMLDialogElement>(null);
  const [outcome, setOutcome] = useState("");
  const [error, setError] = useState<unknown>(undefined);
  const signsIn = [auth.password_auth, auth.pin_auth, auth.bearer_auth, auth.share_link_auth].some(
    (method) => method?.enabled,
  );
  if (!signsIn && !auth.header_auths?.some(({ enabled }) => enabled)) return null;

  const end = async () => {
    question.current!.close();
    setOutcome("");
    setError(undefined);
    try {
      await api(`/reverse-proxies/services/${encodeURIComponent(id)}/sessions`, "DELETE");
      setOutcome("All sessions are ended; within five seconds no proxy lets them in any more.");
    } catch (problem) {
      setError(problem);
    }
  };

  return (
    <>
      <h2>Visitors</h2>
      <button type="button" onClick={() => question.current!.showModal()}>
        End all sessions
      </button>
      <dialog ref={question} aria-labelledby="end-sessions">
        <p id="end-sessions">Sign every visitor of {name} out? They may sign in again.</p>
        <button type="button" onClick={() => void end()}>
          Sign all out
        </button>{" "}
        <button type="button" className="plain" onClick={() => question.current!.close()}>
          Cancel
        </button>
      </dialog>
      <p role="status">{outcome}</p>
      <LoadProblem error={error} />
    </>
  );
}

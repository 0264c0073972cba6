import { ApiError } from "./client.ts";

/** Says why something could not be read; what was read before stays on the page. */
export function LoadProblem({ error }: { error: unknown }) {
  if (error === undefined) return null;
  const { message } = error as Error;
  const hint =
    error instanceof ApiError
      ? error.hint
      : "Is the server running, and does this machine reach it? Trying again.";
  return (
    <p role="alert" className="problem">
      {message}
      {hint !== "" && ` – ${hint}`}
    </p>
  );
}

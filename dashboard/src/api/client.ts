import type { Session } from "../session/session.ts";

/** What the API answered when it refused, in its own words. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly hint: string;

  constructor(status: number, body: { message?: string; error?: { code?: string; hint?: string } }) {
    super(body.message || `the server answered ${status}`);
    this.status = status;
    this.code = body.error?.code ?? "";
    this.hint = body.error?.hint ?? "";
  }
}

/** @returns what the API answers at a path below /api @throws {ApiError}, or the error of fetch */
export type Api = (path: string, method?: "GET" | "DELETE") => Promise<unknown>;

/**
 * The API, as the session permits.
 *
 * @param onSignedOut the session does not count any more
 */
export function createApi(session: Session, onSignedOut: () => void): Api {
  return async (path, method = "GET") => {
    const authorization = await session.authorization();
    const response = await fetch(`/api${path}`, { method, headers: { authorization } });
    if (response.status === 401) onSignedOut();
    const body: unknown = await response.json().catch(() => ({}));
    if (!response.ok) throw new ApiError(response.status, body as object);
    return body;
  };
}

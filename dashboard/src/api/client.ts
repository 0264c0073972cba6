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

/**
 * Reads of the API, as {@link Session} permits.
 *
 * @param onSignedOut the session does not count any more
 * @returns what is at a path below /api @throws {ApiError}, or the error of fetch
 */
export function createApi(session: Session, onSignedOut: () => void) {
  return async (path: string): Promise<unknown> => {
    const authorization = await session.authorization();
    const response = await fetch(`/api${path}`, { headers: { authorization } });
    if (response.status === 401) onSignedOut();
    const body: unknown = await response.json().catch(() => ({}));
    if (!response.ok) throw new ApiError(response.status, body as object);
    return body;
  };
}

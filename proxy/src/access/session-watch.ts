import { knownSession } from "./session.ts";
import { type SessionPlace, stands } from "./standing.ts";

/** Well below the five seconds within which a session is to end everywhere. */
const LOOK_MS = 1_000;

/** A connection that outlives its request, and the session that it was opened with. */
export interface WatchedConnection extends SessionPlace {
  /** Empty for none. */
  readonly sessionToken: string;
  /** In place of a session: whether the token, the certificate or the peer is still good. */
  readonly isLetIn: (() => boolean) | undefined;
  destroy(): void;
}

/**
 * Cuts WebSockets whose session has ended: signed out, expired, left alone, or of a user who may not use the service any
 * more; and those of machines whose token or certificate has run out, or of peers who may not any more. What a change of the
 * service means for them is decided when it happens (access/readmission.ts).
 */
export class SessionWatch {
  readonly #connections = new Set<WatchedConnection>();
  #timer: NodeJS.Timeout | undefined;

  add(connection: WatchedConnection): void {
    if (connection.sessionToken === "" && connection.isLetIn === undefined) return;
    this.#connections.add(connection);
    this.#timer ??= setInterval(() => void this.#look(Date.now()), LOOK_MS);
    this.#timer.unref();
  }

  remove(connection: WatchedConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.close();
  }

  /** What a visitor sends over a connection is use of the session as much as a request is. */
  used({ service, sessionToken }: WatchedConnection): void {
    const nowMs = Date.now();
    const known = knownSession(service!.access, sessionToken, nowMs);
    if (known !== undefined) known.usedAtMs = nowMs;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #look(nowMs: number): Promise<void> {
    await Promise.all(
      [...this.#connections].map(async (connection) => {
        if (!(await mayGoOn(connection, nowMs))) connection.destroy();
      }),
    );
  }
}

async function mayGoOn(connection: WatchedConnection, nowMs: number): Promise<boolean> {
  const { isLetIn, sessionToken, service } = connection;
  const { authenticated, private: isPrivate } = service!.access;
  if (!authenticated && !isPrivate) return true;
  if (isLetIn !== undefined) return isLetIn();
  // What cannot be told is no reason to go on.
  return stands(connection, sessionToken, nowMs).catch(() => false);
}

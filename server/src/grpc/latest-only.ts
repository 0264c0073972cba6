/** Complete states on their way to a client that may be slow: only the newest of each key waits. */
export interface LatestOnly<Key, State> {
  put(key: Key, state: State): void;
  forget(key: Key): void;
}

export interface LatestOnlyOptions<State> {
  send(state: State): Promise<void>;
  /** What counts as a difference: a state that encodes to the same bytes as the last one sent is not sent again. */
  encode(state: State): Uint8Array;
  failed(error: unknown): void;
}

export function latestOnly<Key, State>({
  send,
  encode,
  failed,
}: LatestOnlyOptions<State>): LatestOnly<Key, State> {
  const waiting = new Map<Key, State>();
  const sent = new Map<Key, Uint8Array>();
  let sending = false;

  async function drain(): Promise<void> {
    sending = true;
    for (let next = waiting.entries().next(); !next.done; next = waiting.entries().next()) {
      const [key, state] = next.value;
      waiting.delete(key);
      const bytes = encode(state);
      const before = sent.get(key);
      if (before && Buffer.compare(before, bytes) === 0) continue;
      sent.set(key, bytes);
      await send(state);
    }
  }

  return {
    put(key, state) {
      waiting.set(key, state);
      if (sending) return;
      drain()
        .catch(failed)
        .finally(() => {
          sending = false;
        });
    },
    forget(key) {
      waiting.delete(key);
      sent.delete(key);
    },
  };
}

/** Wakes whoever follows the revision log. It carries no data: the log is the truth, a lost wake-up only costs time. */
export interface ChangeSignal {
  /** @returns the function that stops listening */
  onChange(listener: () => void): () => void;
  /** Called after a commit that appended to the log or changed what proxies and agents are told. */
  changed(): void;
}

export function createChangeSignal(): ChangeSignal {
  const listeners = new Set<() => void>();
  let scheduled = false;
  return {
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    changed() {
      // Listeners run after the command has answered, and once for any number of commits in the same turn.
      if (scheduled) return;
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        for (const listener of [...listeners]) listener();
      });
    },
  };
}

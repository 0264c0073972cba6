import type { Logger } from "pino";

/**
 * Runs `work` now and then again `intervalMs` after it finished, never twice at once.
 * @returns stops it and waits for what is under way
 */
export function every(
  intervalMs: number,
  name: string,
  work: () => Promise<void>,
  log: Pick<Logger, "error">,
): () => Promise<void> {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const round = async (): Promise<void> => {
    try {
      await work();
    } catch (error) {
      log.error({ err: error, job: name }, "job failed");
    }
    if (!stopped) timer = setTimeout(() => (running = round()), intervalMs);
  };
  let running = round();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}

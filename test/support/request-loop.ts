import { Agent, request } from "node:https";

export interface LoopResult {
  sent: number;
  failures: string[];
  /** Requests per second over the whole run. */
  rate: number;
}

/**
 * Sends requests at a steady rate over kept-alive connections until stopped; whatever is not a 200 with the expected
 * text is a failure.
 */
export function requestLoop(options: { url: string; ca: string; perSecond: number; expect: string }): {
  stop(): Promise<LoopResult>;
} {
  const { url, ca, perSecond, expect } = options;
  const { hostname, port, host, pathname } = new URL(url);
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const failures: string[] = [];
  let sent = 0;
  let inFlight = 0;
  let running = true;
  let idle: (() => void) | undefined;
  const startedAt = performance.now();

  const one = () => {
    sent += 1;
    inFlight += 1;
    let finished = false;
    const finish = (failure?: string) => {
      if (finished) return;
      finished = true;
      if (failure !== undefined) failures.push(`${Math.round(performance.now() - startedAt)} ms: ${failure}`);
      inFlight -= 1;
      if (inFlight === 0) idle?.();
    };
    const call = request(
      {
        host: "127.0.0.1",
        port: Number(port),
        servername: hostname,
        path: pathname,
        headers: { host },
        ca,
        agent,
        timeout: 10_000,
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("error", (error) => finish(`response: ${error.message}`));
        response.on("end", () => {
          if (response.statusCode !== 200) finish(`status ${response.statusCode} ${body.slice(0, 200)}`);
          else if (!body.includes(expect)) finish(`wrong body: ${body.slice(0, 200)}`);
          else finish();
        });
      },
    );
    call.on("timeout", () => call.destroy(new Error("no answer within 10 s")));
    call.on("error", (error) => finish(`request: ${error.message}`));
    call.end();
  };

  // A timer of Node is late under load; sending what is due keeps the rate without bursts of more than a tick.
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    while (running && sent < due) one();
  }, 5);

  return {
    async stop() {
      running = false;
      clearInterval(timer);
      const seconds = (performance.now() - startedAt) / 1000;
      if (inFlight > 0) {
        await new Promise<void>((resolve) => {
          idle = resolve;
        });
      }
      agent.destroy();
      return { sent, failures, rate: sent / seconds };
    },
  };
}

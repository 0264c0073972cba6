import type { control } from "@netbird-proxy/proto/grpc";
import type { EndedSessions } from "../access/ended-sessions.ts";
import type { Logger } from "../observe/log.ts";
import type { ManagementClient } from "./management-client.ts";
import { Poll } from "./poll.ts";

/**
 * Asks which sessions were ended on other proxies. A question every two seconds instead of a stream: an answer is empty
 * nearly always, and none can be lost.
 */
export function endedSessionsPoll(
  client: ManagementClient,
  ended: EndedSessions,
  log: Logger,
): Poll<control.ListEndedSessionsResponse> {
  let sinceMs = 0n;
  return new Poll({
    everyMs: 2_000,
    problem: "ended sessions not asked for",
    log,
    ask: (options, done) =>
      client.proxyControl.listEndedSessions({ sinceMs }, client.metadata, options, done),
    take({ sessions, nowMs }) {
      sinceMs = nowMs;
      ended.end(
        sessions.map(
          ({ tokenHash, expiresAtMs }) =>
            [Buffer.from(tokenHash).toString("hex"), Number(expiresAtMs)] as const,
        ),
        Date.now(),
      );
    },
  });
}

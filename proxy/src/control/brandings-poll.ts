import type { control } from "@netbird-proxy/proto/grpc";
import type { Brandings } from "../answer/branding.ts";
import type { Logger } from "../observe/log.ts";
import type { ManagementClient } from "./management-client.ts";
import { Poll } from "./poll.ts";

/** Asks how sign-in pages look. Until the first answer, and with a stock server, they look as usual. */
export function brandingsPoll(
  client: ManagementClient,
  brandings: Brandings,
  log: Logger,
): Poll<control.ListBrandingsResponse> {
  let version = "";
  return new Poll({
    everyMs: 10_000,
    problem: "brandings not asked for",
    log,
    ask: (options, done) => client.proxyControl.listBrandings({ version }, client.metadata, options, done),
    take(response) {
      if (response.version === version) return;
      version = response.version;
      brandings.replace(response.brandings);
    },
  });
}

import type { Service } from "@netbird-proxy/proto/rest";

type State = Service["meta"]["status"];

/** The state in words too: colour alone says nothing to everybody. */
export function StateBadge({ state, enabled }: { state: State; enabled: boolean }) {
  const shown = enabled ? state : "disabled";
  const kind = !enabled ? "off" : state === "active" ? "good" : isPending(state) ? "soon" : "bad";
  return <span className={`badge ${kind}`}>{shown.replaceAll("_", " ")}</span>;
}

function isPending(state: State): boolean {
  return state === "pending" || state === "certificate_pending";
}

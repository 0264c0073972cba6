import type { AgentStatus } from "./agent-status.ts";

/** The status for people. */
export function showStatus(status: AgentStatus, nowMs: number): string {
  const { management } = status;
  const lines = [
    `Peer        ${status.name || "(not joined yet)"}${status.peer_id ? `, id ${status.peer_id}` : ""}`,
    `Address     ${[status.address, status.address_v6].filter((text) => text !== "").join(", ") || "none yet"}`,
    `Management  ${management.url}, ${
      management.connected
        ? `connected for ${age(management.since, nowMs)}`
        : `not connected${management.last_error ? `: ${management.last_error}` : ""}`
    }`,
    `Proxies     ${status.proxies.filter(({ connected }) => connected).length} of ${status.proxies.length} connected`,
  ];
  for (const proxy of status.proxies) {
    const handshake = proxy.latest_handshake
      ? `last handshake ${age(proxy.latest_handshake, nowMs)} ago, ${bytes(proxy.received_bytes)} received, ${bytes(proxy.sent_bytes)} sent`
      : "no handshake yet";
    lines.push(
      `  ${proxy.connected ? "up  " : "down"} ${proxy.proxy_id} at ${proxy.endpoint || "?"}, ${handshake}`,
    );
  }
  lines.push(
    `Serves      ${status.rules.length === 0 ? "nothing: no service targets this peer yet" : ""}`.trimEnd(),
  );
  for (const rule of status.rules) lines.push(`  ${rule.protocol} ${rule.destination} port ${rule.ports}`);
  if (status.routes.length > 0) lines.push("Routes");
  for (const route of status.routes)
    lines.push(`  ${route.prefix}${route.domain ? ` stands for ${route.domain}` : ""}`);
  lines.push(
    `Traffic     ${status.connections} connections, ${status.flows} UDP flows, ${status.denied} denied since ${status.started_at}`,
    `Version     ${status.version}, pid ${status.pid}`,
  );
  return `${lines.join("\n")}\n`;
}

function age(since: string, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(since)) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

function bytes(count: number): string {
  if (count < 1_024) return `${count} B`;
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = count / 1_024;
  let unit = 0;
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

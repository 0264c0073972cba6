import assert from "node:assert/strict";
import type { AgentStatus } from "../../src/status/agent-status.ts";
import { showStatus } from "../../src/status/show-status.ts";

const now = Date.parse("2026-01-02T12:00:00Z");
const status: AgentStatus = {
  version: "1.2.3",
  pid: 42,
  started_at: "2026-01-02T11:00:00.000Z",
  peer_id: "peer-1",
  name: "web",
  address: "100.64.0.5",
  address_v6: "",
  public_key: "k",
  management: {
    url: "https://m:443",
    connected: false,
    since: "2026-01-02T11:59:00.000Z",
    last_error: "connect ECONNREFUSED",
  },
  revision: "7",
  proxies: [
    {
      proxy_id: "proxy-1",
      peer_id: "p",
      endpoint: "192.0.2.1:51820",
      connected: true,
      latest_handshake: "2026-01-02T11:58:59.000Z",
      received_bytes: 2048,
      sent_bytes: 10,
    },
    {
      proxy_id: "proxy-2",
      peer_id: "q",
      endpoint: "",
      connected: false,
      latest_handshake: "",
      received_bytes: 0,
      sent_bytes: 0,
    },
  ],
  routes: [{ prefix: "100.64.200.1/32", domain: "db.internal" }],
  rules: [{ destination: "100.64.0.5/32", protocol: "tcp", ports: "3000", sources: ["100.64.0.9/32"] }],
  connections: 2,
  flows: 1,
  denied: 3,
};

suite("status for people", () => {
  test("says what is connected, what is served and why something is not", () => {
    assert.equal(
      showStatus(status, now),
      `Peer        web, id peer-1
Address     100.64.0.5
Management  https://m:443, not connected: connect ECONNREFUSED
Proxies     1 of 2 connected
  up   proxy-1 at 192.0.2.1:51820, last handshake 61 s ago, 2.0 KiB received, 10 B sent
  down proxy-2 at ?, no handshake yet
Serves
  tcp 100.64.0.5/32 port 3000
Routes
  100.64.200.1/32 stands for db.internal
Traffic     2 connections, 1 UDP flows, 3 denied since 2026-01-02T11:00:00.000Z
Version     1.2.3, pid 42
`,
    );
  });

  test("an agent that has not joined says so", () => {
    const text = showStatus({ ...status, name: "", peer_id: "", address: "", rules: [], proxies: [] }, now);
    assert.match(text, /not joined yet/);
    assert.match(text, /nothing: no service targets this peer yet/);
  });
});

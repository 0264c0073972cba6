/** What `agent status --json` prints. Times are ISO 8601, empty for never. */
export interface AgentStatus {
  version: string;
  pid: number;
  started_at: string;
  peer_id: string;
  name: string;
  address: string;
  address_v6: string;
  public_key: string;
  management: {
    url: string;
    connected: boolean;
    since: string;
    last_error: string;
  };
  /** Revision of the newest state; decimal, because it is a 64-bit number. */
  revision: string;
  proxies: ProxyStatus[];
  routes: { prefix: string; domain: string }[];
  rules: { destination: string; protocol: string; ports: string; sources: string[] }[];
  connections: number;
  flows: number;
  /** Connections and flows that no rule allowed, since the start. */
  denied: number;
}

export interface ProxyStatus {
  proxy_id: string;
  peer_id: string;
  endpoint: string;
  connected: boolean;
  latest_handshake: string;
  received_bytes: number;
  sent_bytes: number;
}

import type { agent } from "@netbird-proxy/proto/grpc";
import { generatePrivateKey, keyToBase64, publicKeyOf, type Tunnel } from "@netbird-proxy/tunnel";
import { type AgentConfig, ConfigError, version } from "./config.ts";
import { Control } from "./control/control.ts";
import { DataPath } from "./data-path.ts";
import { type Lookup, systemLookup } from "./forward/resolve-name.ts";
import type { Logger } from "./log.ts";
import { ensureStateDir } from "./state/atomic-write.ts";
import { type Identity, identityPath, loadIdentity, saveIdentity } from "./state/identity.ts";
import { forgetLastState, loadLastState, saveLastState } from "./state/last-state.ts";
import type { AgentStatus } from "./status/agent-status.ts";
import { StatusSocket } from "./status/status-socket.ts";

/** The server takes a peer for disconnected when it has not reported for a while. */
const REPORT_EVERY_MS = 15_000;
/** Handshakes with several proxies come together; one report tells about all of them. */
const REPORT_AFTER_CHANGE_MS = 200;
/** How long connections that move bytes may go on after the signal to stop. */
const STOP_GRACE_MS = 1_000;

export interface AgentPorts {
  log: Logger;
  lookup?: Lookup;
  nowMs?: () => number;
  random?: () => number;
  openTunnel?: () => Promise<Tunnel>;
}

/** The running agent. */
export interface Agent {
  /** Resolves after {@link stop}; rejects with RefusedError or StateError when the agent cannot go on. */
  readonly finished: Promise<void>;
  status(): AgentStatus;
  /** Tells the proxies at once that connections are gone, and lets go of everything. */
  stop(): Promise<void>;
}

/**
 * Starts the agent: with what it knows from disk at once, with the server as soon as that answers.
 *
 * @throws {StateError} when the state folder cannot be used, or another agent uses it
 * @throws {ConfigError} when there is neither an identity nor a setup key
 */
export async function startAgent(config: AgentConfig, ports: AgentPorts): Promise<Agent> {
  const { log, lookup = systemLookup, nowMs = Date.now, random = Math.random } = ports;
  const startedAt = iso(nowMs());
  ensureStateDir(config.stateDir);

  let state: agent.AgentState | undefined;
  let control: Control | undefined;
  let reportSoon: NodeJS.Timeout | undefined;
  let stopping: Promise<void> | undefined;

  // First of all, because it is also the lock: two agents with one key would take each other's sessions.
  const socket = await StatusSocket.open(config.stateDir, {
    status: () => describe(),
    stop: () => void stop(),
  });

  let dataPath: DataPath;
  let identity: Identity;
  try {
    identity = loadOrCreateIdentity(config, log);
    dataPath = await DataPath.open({
      log,
      lookup,
      nowMs,
      random,
      privateKey: identity.privateKey,
      openTunnel: ports.openTunnel,
      onChange: () => {
        reportSoon ??= setTimeout(report, REPORT_AFTER_CHANGE_MS);
      },
    });
  } catch (error) {
    await socket.close();
    throw error;
  }
  const publicKey = keyToBase64(publicKeyOf(identity.privateKey));

  const report = () => {
    clearTimeout(reportSoon);
    reportSoon = undefined;
    control?.report({
      links: dataPath.links().map(({ peerId, latestHandshakeMs = 0 }) => ({
        proxyPeerId: peerId,
        latestHandshakeUnixSeconds: BigInt(Math.floor(latestHandshakeMs / 1000)),
      })),
    });
  };
  const reportTimer = setInterval(report, REPORT_EVERY_MS);

  const apply = (next: agent.AgentState) => {
    state = next;
    try {
      dataPath.apply(next);
    } catch (error) {
      // One bad state must not end the process that still serves on the one before.
      log.error(
        { revision: next.revision.toString(), error: (error as Error).message },
        "a state cannot be applied",
      );
    }
  };

  control = new Control(identity, {
    config,
    log,
    random,
    onState(next) {
      apply(next);
      log.info(
        { revision: next.revision.toString(), proxies: next.proxies.length, rules: next.rules.length },
        "state received",
      );
      try {
        saveLastState(config.stateDir, next);
      } catch (error) {
        // The agent works; only a restart while the server is away would suffer.
        log.error({ error: (error as Error).message }, "the newest state could not be saved");
      }
      report();
    },
    onRemoved() {
      forgetLastState(config.stateDir);
      if (state !== undefined) apply({ ...state, proxies: [], routes: [], rules: [] });
    },
  });

  const { membership } = identity;
  if (membership !== undefined) {
    const last = loadLastState(config.stateDir, membership.peerId);
    if (last.ok) {
      apply(last.state);
      log.info(
        { peer_id: membership.peerId, address: last.state.address, proxies: last.state.proxies.length },
        "started with the last known state",
      );
    } else if (last.why !== "none") {
      log.warn({ why: last.why }, "the last known state cannot be used; waiting for the server's");
    }
  }

  const release = async () => {
    clearInterval(reportTimer);
    clearTimeout(reportSoon);
    await dataPath.close(STOP_GRACE_MS);
    await socket.close();
  };

  const finished = control.run().finally(() => (stopping ??= release()));
  // Who does not wait for it learns of it from stop().
  finished.catch(() => {});

  const stop = (): Promise<void> => {
    control.stop();
    stopping ??= release();
    return stopping;
  };

  function describe(): AgentStatus {
    const connection = control?.status;
    const { connections, flows, denied } = dataPath.counts;
    return {
      version,
      pid: process.pid,
      started_at: startedAt,
      peer_id: control?.membership?.peerId ?? "",
      name: state?.name ?? "",
      address: state?.address ?? "",
      address_v6: state?.addressV6 ?? "",
      public_key: publicKey,
      management: {
        url: config.management.url,
        connected: connection?.connected ?? false,
        since: iso(connection?.sinceMs),
        last_error: connection?.lastError ?? "",
      },
      revision: (state?.revision ?? 0n).toString(),
      proxies: dataPath.links().map((link) => ({
        proxy_id: link.proxyId,
        peer_id: link.peerId,
        endpoint: link.endpoint,
        connected: link.up,
        latest_handshake: iso(link.latestHandshakeMs),
        received_bytes: link.rxBytes,
        sent_bytes: link.txBytes,
      })),
      routes: (state?.routes ?? []).map(({ prefix, domain }) => ({ prefix, domain })),
      rules: (state?.rules ?? []).map(({ destination, protocol, portFirst, portLast, sources }) => ({
        destination,
        protocol,
        ports: portFirst === portLast ? String(portFirst) : `${portFirst}-${portLast}`,
        sources,
      })),
      connections,
      flows,
      denied,
    };
  }

  return { finished, status: describe, stop };
}

/** A new key is on disk before anybody hears of it: one that was enrolled and lost would leave a dead peer behind. */
function loadOrCreateIdentity({ stateDir, setupKey }: AgentConfig, log: Logger): Identity {
  const known = loadIdentity(stateDir);
  if (known?.membership === undefined && setupKey === undefined)
    throw new ConfigError([
      `--setup-key (NB_SETUP_KEY): missing, and ${stateDir} holds no identity of an agent that has joined; ` +
        "give a setup key, or the --state-dir that the agent used before.",
    ]);
  if (known !== undefined) return known;
  const identity = { privateKey: generatePrivateKey() };
  saveIdentity(stateDir, identity);
  log.info({ path: identityPath(stateDir) }, "made a new key");
  return identity;
}

function iso(ms: number | undefined): string {
  return ms === undefined ? "" : new Date(ms).toISOString();
}

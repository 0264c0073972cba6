import { setTimeout as delay } from "node:timers/promises";
import { Server, status as Status } from "@grpc/grpc-js";
import { agent, certificates, control, type management } from "@netbird-proxy/proto/grpc";
import { createAccessLogSink } from "./access-log-sink.ts";
import { enroll } from "./agent-service/enroll.ts";
import { createAgentSessions, startAgentHeartbeat, sync } from "./agent-service/sync.ts";
import { authenticateCalls } from "./authenticate-call.ts";
import { CallFailure } from "./call-failure.ts";
import { certificateStore } from "./certificate-store/certificate-store.ts";
import { type GrpcPorts, HEARTBEAT_MS } from "./ports.ts";
import { endSession, listEnded } from "./proxy-control/end-session.ts";
import { listBrandings } from "./proxy-control/list-brandings.ts";
import { redeemShareLink } from "./proxy-control/redeem-share-link.ts";
import { redeemSignIn } from "./proxy-control/redeem-sign-in.ts";
import { reportState } from "./proxy-control/report-state.ts";
import { sendAccessLogs } from "./proxy-control/send-access-logs.ts";
import { syncTunnel } from "./proxy-control/sync-tunnel.ts";
import { createAccessLogWriter } from "./proxy-service/access-log-writer.ts";
import { authenticate } from "./proxy-service/authenticate.ts";
import { createProxyPeer } from "./proxy-service/create-proxy-peer.ts";
import { getMappingUpdate } from "./proxy-service/get-mapping-update.ts";
import { getOidcUrl } from "./proxy-service/get-oidc-url.ts";
import type { MappingSession } from "./proxy-service/mapping-session.ts";
import { createProgressWriter } from "./proxy-service/progress-writer.ts";
import { sendAccessLog } from "./proxy-service/send-access-log.ts";
import { sendStatusUpdate } from "./proxy-service/send-status-update.ts";
import { syncMappings } from "./proxy-service/sync-mappings.ts";
import { proxyServiceDefinition } from "./proxy-service/sync-response.ts";
import { validateSession } from "./proxy-service/validate-session.ts";
import { validateTunnelPeer } from "./proxy-service/validate-tunnel-peer.ts";
import { createProxySessions, type ProxySession, watchTokens } from "./proxy-sessions.ts";
import { createReportTimes } from "./report-times.ts";
import { unary } from "./serve-call.ts";

export interface GrpcApi {
  /** Not bound to a port: `listenOnOnePort` hands it its connections. */
  readonly server: Server;
  /** Ends every stream with UNAVAILABLE, so that clients come back to the next process, and waits for their ends. */
  close(): Promise<void>;
}

const CHANNEL_OPTIONS = {
  // Clients may be busy for a while; a connection is only given up when it is silent for good.
  "grpc.keepalive_time_ms": 15_000,
  "grpc.keepalive_timeout_ms": 10_000,
  // A connection without calls holds resources for nothing; clients reconnect when they need one.
  "grpc.max_connection_idle_ms": 300_000,
  // A full report about many services is larger than the usual 4 MiB.
  "grpc.max_receive_message_length": 16 * 1024 * 1024,
};

const CLOSE_GRACE_MS = 2_000;
const TRAILERS_OUT_MS = 50;

/** ProxyService, ProxyControl, CertificateStore and AgentService on one gRPC server. */
export function createGrpcServer(ports: GrpcPorts): GrpcApi {
  const { context, reconciler, log } = ports;
  const { store, nowMs } = context;
  const sessions = createProxySessions<MappingSession>();
  const tunnelSessions = createProxySessions<ProxySession>();
  const uploadedSessions = createProxySessions<ProxySession>();
  const proxySessions = () => [...sessions.list(), ...tunnelSessions.list(), ...uploadedSessions.list()];
  const agentSessions = createAgentSessions();
  const reportTimes = createReportTimes();
  const accessLogs = createAccessLogWriter(store.db, log);
  const accessLogSink = createAccessLogSink(ports.context, accessLogs, ports.countryOf);
  const progress = createProgressWriter(store.db, log);
  const all = { ...ports, sessions, tunnelSessions, agentSessions, reportTimes, progress };

  const server = new Server({
    ...CHANNEL_OPTIONS,
    interceptors: [authenticateCalls({ db: store.db, log, nowMs })],
  });
  const proxyService: management.ProxyServiceServer = {
    syncMappings: syncMappings(all),
    getMappingUpdate: getMappingUpdate(all),
    createProxyPeer: createProxyPeer(ports),
    sendStatusUpdate: sendStatusUpdate(all),
    sendAccessLog: sendAccessLog(ports, accessLogSink),
    authenticate: authenticate(ports),
    getOidcurl: getOidcUrl(ports),
    validateSession: validateSession(ports),
    validateTunnelPeer: validateTunnelPeer(ports),
    checkLlmPolicyLimits: unimplemented(log),
    recordLlmUsage: unimplemented(log),
  };
  const proxyControl: control.ProxyControlServer = {
    syncTunnel: syncTunnel(all),
    reportState: reportState(all),
    sendAccessLogs: sendAccessLogs(ports, accessLogSink),
    redeemSignIn: redeemSignIn(ports),
    redeemShareLink: redeemShareLink(ports),
    endSession: endSession(ports),
    listEndedSessions: listEnded(ports),
    listBrandings: listBrandings(ports),
  };
  const agentService: agent.AgentServiceServer = { enroll: enroll(ports), sync: sync(all) };
  server.addService(proxyServiceDefinition, proxyService);
  server.addService(control.ProxyControlService, proxyControl);
  server.addService(agent.AgentServiceService, agentService);
  server.addService(certificates.CertificateStoreService, certificateStore({ ...ports, uploadedSessions }));

  const stopWatchingTokens = watchTokens({
    db: store.db,
    log,
    nowMs,
    sessions: proxySessions,
    onWake: reconciler.feed.onWake,
    everyMs: ports.heartbeatMs ?? HEARTBEAT_MS,
  });
  const stopHeartbeat = startAgentHeartbeat(ports, agentSessions);

  return {
    server,
    async close() {
      stopWatchingTokens();
      stopHeartbeat();
      const goodbye = new CallFailure(Status.UNAVAILABLE, "the server is shutting down");
      for (const session of proxySessions()) session.end(goodbye);
      agentSessions.endAll(goodbye);
      // GOAWAY must not overtake the trailers: from Node 24 on it resets streams whose client has not ended, and they
      // would read CANCELLED.
      await delay(TRAILERS_OUT_MS);
      await new Promise<void>((resolve) => {
        const enough = setTimeout(resolve, CLOSE_GRACE_MS);
        server.tryShutdown(() => {
          clearTimeout(enough);
          resolve();
        });
      });
      server.forceShutdown();
      await progress.flush();
      await accessLogs.close();
    },
  };
}

function unimplemented(log: GrpcPorts["log"]) {
  return unary<never, never>(log, async () => {
    throw new CallFailure(Status.UNIMPLEMENTED, "this server has no language model limits");
  }) as never;
}

import type { ReasonCode } from "@netbird-proxy/proto";
import { control } from "@netbird-proxy/proto/grpc";
import { errorCode } from "../forward/dial.ts";

/** What a probe found. */
export interface Finding {
  readonly state: control.TargetState;
  /** Empty when reachable. */
  readonly reason: ReasonCode | "";
  readonly message: string;
}

const { TargetState } = control;

export const unknownFinding: Finding = {
  state: TargetState.TARGET_STATE_UNKNOWN,
  reason: "target.not_probed_yet",
  message: "",
};
export const reachableFinding: Finding = {
  state: TargetState.TARGET_STATE_REACHABLE,
  reason: "",
  message: "",
};

const noTunnel = (reason: ReasonCode, message: string): Finding => ({
  state: TargetState.TARGET_STATE_NO_TUNNEL,
  reason,
  message,
});
const unreachable = (reason: ReasonCode, message: string): Finding => ({
  state: TargetState.TARGET_STATE_UNREACHABLE,
  reason,
  message,
});

/** What else is known when a connection to a target failed. */
export interface Circumstances {
  /** `host:port`, for the message. */
  readonly target: string;
  /** An ICMP echo to the peer came back; undefined when none was sent. */
  readonly peerAnswers: boolean | undefined;
  /** Seconds since the newest handshake with the peer; -1 when there was none. */
  readonly handshakeAgeSeconds: number;
  /** No tunnel is involved. */
  readonly direct: boolean;
}

/** Tells a dead tunnel from a silent, refusing or missing target. */
export function classify(error: unknown, about: Circumstances): Finding {
  const { target } = about;
  const reason = (error as { reason?: ReasonCode }).reason;
  if (reason !== undefined) return noTunnel(reason, (error as Error).message);
  const never = !about.direct && about.handshakeAgeSeconds < 0;
  switch (errorCode(error)) {
    case "ECONNREFUSED":
      return unreachable("target.refused", `${target} refused the connection`);
    case "EACCES":
    case "EPERM":
      return unreachable("target.denied", `the agent does not allow connections to ${target}`);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return unreachable("target.unresolved", `the name of ${target} does not resolve`);
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
      if (never)
        return noTunnel("tunnel.peer_never_connected", `no handshake with the peer for ${target} yet`);
      return unreachable("target.unreachable", `${target} cannot be reached from the peer`);
    case "ETIMEDOUT":
      if (about.direct) return unreachable("target.timeout", `${target} does not answer`);
      if (never)
        return noTunnel("tunnel.peer_never_connected", `no handshake with the peer for ${target} yet`);
      return about.peerAnswers === true
        ? unreachable("target.timeout", `${target} does not answer, its peer does`)
        : noTunnel("tunnel.peer_unreachable", `the peer for ${target} does not answer through the tunnel`);
    default:
      return unreachable(
        "target.error",
        `${target}: ${error instanceof Error ? error.message : String(error)}`,
      );
  }
}

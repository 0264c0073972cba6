import { control, management } from "@netbird-proxy/proto/grpc";
import { encodeChecked, type ReadResult, readChecked } from "./checked-file.ts";

/** Everything needed to serve without a management server. */
export interface LastKnown {
  /** Identity of the revision log; empty with servers that have none. */
  epoch: string;
  revision: bigint;
  mappings: management.ProxyMapping[];
  tunnels: control.TunnelState[];
  /** Where peers were seen last, by account and public key. */
  peersSeenAt: Record<string, Record<string, string>>;
}

const VERSION = 1;

interface BodyForm {
  epoch: string;
  revision: string;
  /** Revision and encoded message in base64, each. */
  mappings: [string, string][];
  /** Encoded messages in base64. */
  tunnels: string[];
  peersSeenAt: Record<string, Record<string, string>>;
}

/** The content of the state file. Mappings come encoded, as the registry keeps them. */
export function encodeLastKnown(state: {
  epoch: string;
  revision: bigint;
  mappings: Iterable<{ readonly revision: bigint; readonly bytes: Uint8Array }>;
  tunnels: readonly Uint8Array[];
  peersSeenAt: Record<string, Record<string, string>>;
}): string {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  const body: BodyForm = {
    epoch: state.epoch,
    revision: state.revision.toString(),
    mappings: Array.from(state.mappings, ({ revision, bytes }) => [revision.toString(), base64(bytes)]),
    tunnels: state.tunnels.map(base64),
    peersSeenAt: state.peersSeenAt,
  };
  return encodeChecked(VERSION, body);
}

export function readLastKnown(file: string): ReadResult<LastKnown> {
  return readChecked(file, VERSION, (body) => decode(body as BodyForm));
}

function decode(body: BodyForm): LastKnown {
  const bytes = (base64: string) => Buffer.from(base64, "base64");
  return {
    epoch: body.epoch,
    revision: BigInt(body.revision),
    mappings: body.mappings.map(([revision, entry]) => ({
      ...management.ProxyMapping.decode(bytes(entry)),
      revision: BigInt(revision),
    })),
    tunnels: body.tunnels.map((entry) => control.TunnelState.decode(bytes(entry))),
    peersSeenAt: body.peersSeenAt,
  };
}

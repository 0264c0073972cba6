import { createHash } from "node:crypto";
import { readFileSync, renameSync } from "node:fs";
import { control, management } from "@netbird-proxy/proto/grpc";

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

interface FileForm {
  version: number;
  /** SHA-256 over the body, in hex: half a file, or one from a failing disk, is not mistaken for a configuration. */
  sha256: string;
  body: string;
}

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
  const text = JSON.stringify(body);
  const file: FileForm = {
    version: VERSION,
    sha256: createHash("sha256").update(text).digest("hex"),
    body: text,
  };
  return JSON.stringify(file);
}

export type ReadResult =
  | { kind: "absent" }
  | { kind: "read"; value: LastKnown }
  /** Moved aside under `movedTo`, so that it can be looked at. */
  | { kind: "unusable"; why: string; movedTo: string };

/** Reads the state file. One that cannot be used is moved aside and the proxy starts without it. */
export function readLastKnown(file: string): ReadResult {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { kind: "absent" };
    return { kind: "unusable", why: (error as Error).message, movedTo: file };
  }
  try {
    return { kind: "read", value: decode(text) };
  } catch (error) {
    const movedTo = `${file}.unusable`;
    try {
      renameSync(file, movedTo);
    } catch {
      // It will be overwritten by the next configuration.
    }
    return { kind: "unusable", why: (error as Error).message, movedTo };
  }
}

function decode(text: string): LastKnown {
  const file = JSON.parse(text) as Partial<FileForm>;
  if (file.version !== VERSION) throw new Error(`version ${file.version} is not known`);
  if (typeof file.body !== "string") throw new Error("the body is missing");
  if (createHash("sha256").update(file.body).digest("hex") !== file.sha256) {
    throw new Error("the checksum does not match");
  }
  const body = JSON.parse(file.body) as BodyForm;
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

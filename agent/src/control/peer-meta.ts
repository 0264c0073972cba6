import { arch, hostname, platform, release } from "node:os";
import type { agent } from "@netbird-proxy/proto/grpc";
import { version } from "../config.ts";

/** What the server shows about this host. Names of systems as NetBird's own agents report them. */
export function peerMeta(): agent.PeerMeta {
  const system = platform();
  const architecture = arch();
  return {
    hostname: hostname(),
    os: system === "win32" ? "windows" : system,
    kernelVersion: release(),
    version,
    architecture: architecture === "x64" ? "amd64" : architecture,
  };
}

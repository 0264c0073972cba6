import { createHash } from "node:crypto";
import { chmodSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StateError } from "../state/state-error.ts";
import type { AgentStatus } from "./agent-status.ts";

export type LocalCommand = "status" | "stop";

/** The kernel's limit for the path of a Unix socket is 104 (macOS) or 108 bytes, the final zero included. */
const MAX_PATH_BYTES = 103;
const ANSWER_TIMEOUT_MS = 3_000;

/** Where the running agent of a state folder answers. */
export function statusSocketPath(stateDir: string): string {
  const hash = createHash("sha256").update(stateDir).digest("hex").slice(0, 16);
  if (process.platform === "win32") return `\\\\.\\pipe\\netbird-agent-${hash}`;
  const path = join(stateDir, "agent.sock");
  return Buffer.byteLength(path) <= MAX_PATH_BYTES ? path : join(tmpdir(), `netbird-agent-${hash}.sock`);
}

export interface StatusPorts {
  status: () => AgentStatus;
  stop: () => void;
}

/** The local endpoint of a running agent; while it exists, no second agent starts in the same folder. */
export class StatusSocket {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws {StateError} when another agent runs in the folder, or the socket cannot be made there */
  static async open(stateDir: string, ports: StatusPorts): Promise<StatusSocket> {
    const path = statusSocketPath(stateDir);
    const server = createServer({ allowHalfOpen: true }, (client) => answer(client, ports));
    try {
      await listen(server, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE")
        throw new StateError("cannot create the socket", path, error);
      if (await isAnswered(path))
        throw new StateError(
          "another agent is already running in",
          stateDir,
          undefined,
          'Stop it with "agent down", or give this one a folder of its own with --state-dir.',
        );
      // Left over from an agent that was killed.
      rmSync(path, { force: true });
      await listen(server, path).catch((cause) => {
        throw new StateError("cannot create the socket", path, cause);
      });
    }
    if (process.platform !== "win32") chmodSync(path, 0o600);
    return new StatusSocket(server);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** @returns undefined when no agent runs in the folder */
export async function askAgent(stateDir: string, command: LocalCommand): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const socket = connect(statusSocketPath(stateDir));
    let text = "";
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text === "" ? undefined : text));
    socket.end(`${command}\n`);
  });
}

function answer(client: Socket, { status, stop }: StatusPorts): void {
  let text = "";
  client.setTimeout(ANSWER_TIMEOUT_MS, () => client.destroy());
  client.on("error", () => {});
  client.setEncoding("utf8");
  client.on("data", (chunk) => {
    text += chunk;
    if (text.length > 64) return client.destroy();
    if (!text.endsWith("\n")) return;
    const command = text.trim();
    if (command === "status") client.end(`${JSON.stringify(status())}\n`);
    else if (command === "stop") client.end('{"stopping":true}\n', stop);
    else client.end('{"error":"unknown command"}\n');
  });
  client.on("end", () => client.end());
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.removeListener("error", reject);
      resolve();
    });
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

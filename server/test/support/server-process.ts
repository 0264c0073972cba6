import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const program = join(root, "server/dist/main.js");

/** Makes what {@link startServerProcess} and {@link spawnCommand} start. */
export function buildServer(): void {
  execFileSync(process.execPath, ["scripts/build.mjs", "server"], { cwd: root, stdio: "pipe" });
}

export interface ServerProcess {
  readonly child: ChildProcess;
  readonly port: number;
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
    // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes
  ): Promise<{ status: number; body: any }>;
  /** For {@link call}. */
  token: string;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export function spawnCommand(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [program, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** The bundled server in a process of its own, once it listens. @throws Error with what it said when it does not */
export async function startServerProcess(env: NodeJS.ProcessEnv): Promise<ServerProcess> {
  const child = spawnCommand(["serve"], {
    NB_SERVER_ADDRESS: "127.0.0.1:0",
    NB_SETUP_PAT_ENABLED: "true",
    ...env,
  });
  const port = await new Promise<number>((resolve, reject) => {
    let output = "";
    const hear = (chunk: Buffer) => {
      output += chunk;
      const listening = /"port":(\d+).*"msg":"listening"/.exec(output);
      if (listening) resolve(Number(listening[1]));
    };
    child.stdout!.on("data", hear);
    child.stderr!.on("data", hear);
    child.once("close", () => reject(new Error(`the server ended before it listened: ${output}`)));
  });
  const agent = new Agent({ keepAlive: true });
  const server: ServerProcess = {
    child,
    port,
    token: "",
    call: (method, path, body, headers = {}) =>
      new Promise((resolve, reject) => {
        const outgoing = request(
          {
            port,
            host: "127.0.0.1",
            agent,
            method,
            path: `/api${path}`,
            headers: { ...headers, ...(server.token ? { authorization: `Token ${server.token}` } : {}) },
          },
          (response) => {
            let text = "";
            response.setEncoding("utf8").on("data", (chunk) => {
              text += chunk;
            });
            response.on("error", reject);
            response.on("end", () => {
              const isJson = String(response.headers["content-type"]).startsWith("application/json");
              resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text });
            });
          },
        );
        outgoing.on("error", reject);
        outgoing.end(body === undefined ? undefined : JSON.stringify(body));
      }),
    async stop(signal = "SIGTERM") {
      agent.destroy();
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(signal);
      await once(child, "exit");
    },
  };
  return server;
}

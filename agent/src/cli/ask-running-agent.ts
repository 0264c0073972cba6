import type { AgentStatus } from "../status/agent-status.ts";
import { showStatus } from "../status/show-status.ts";
import { askAgent } from "../status/status-socket.ts";

/** @returns the exit code: 1 when no agent runs in the folder */
export async function runStatus(stateDir: string, json: boolean): Promise<number> {
  const answer = await askAgent(stateDir, "status");
  if (answer === undefined) return notRunning(stateDir);
  const status = JSON.parse(answer) as AgentStatus;
  process.stdout.write(json ? `${JSON.stringify(status, null, 2)}\n` : showStatus(status, Date.now()));
  return 0;
}

/** @returns the exit code: 1 when no agent runs in the folder */
export async function runDown(stateDir: string): Promise<number> {
  if ((await askAgent(stateDir, "stop")) === undefined) return notRunning(stateDir);
  process.stdout.write("the agent is stopping\n");
  return 0;
}

function notRunning(stateDir: string): number {
  process.stderr.write(
    `agent: no agent is running with the state folder ${stateDir}. ` +
      'Start it with "agent up", or name its folder with --state-dir.\n',
  );
  return 1;
}

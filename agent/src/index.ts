export { type Agent, type AgentPorts, startAgent } from "./app.ts";
export { type AgentConfig, ConfigError, readCommand } from "./config.ts";
export { RefusedError } from "./control/control.ts";
export { StateError } from "./state/state-error.ts";
export type { AgentStatus, ProxyStatus } from "./status/agent-status.ts";

/** For tests and tools that run the server inside their own process. */
export { type RunningApp, startApp } from "./app.ts";
export { ConfigError, readConfig, type ServerConfig } from "./config.ts";
export { createLog } from "./log.ts";

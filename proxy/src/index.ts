export { type App, type Listening, startApp } from "./app.ts";
export { ConfigError, type ProxyConfig, readConfig, variables } from "./config.ts";
export { createLogger } from "./observe/log.ts";

/** For tests and tools; the program itself is main.ts. */
export { type ProviderEnvironment, readEnvironment } from "./config.ts";
export { schemasJson } from "./framework/schema-json.ts";
export { makeLog } from "./log.ts";
export { netbirdProvider, providerAddress } from "./netbird-provider.ts";
export { type DebugProvider, startForDebugging } from "./plugin/start.ts";

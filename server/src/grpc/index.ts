export { ERROR_TRAILER } from "./call-failure.ts";
export type { GrpcPorts } from "./ports.ts";
export { createGrpcServer, type GrpcApi } from "./server.ts";

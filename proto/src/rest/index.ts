/** The REST contract: one schema is validation, type and OpenAPI. Names follow NetBird's API where it has one. */
export * from "./accounts.ts";
export * from "./batch.ts";
export * from "./certificates.ts";
export * from "./clusters.ts";
export * from "./dns-credentials.ts";
export * from "./domains.ts";
export * from "./events.ts";
export * from "./groups.ts";
export * from "./instance.ts";
export * from "./networks.ts";
export * from "./peers.ts";
export * from "./policies.ts";
export * from "./proxy-tokens.ts";
export * from "./services.ts";
export * from "./setup-keys.ts";
export * from "./shared.ts";
export * from "./users.ts";

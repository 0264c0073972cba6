/** gRPC messages, clients and service definitions. Names that two packages share are reached through their namespace. */

export * as management from "./generated/management/proxy_service.ts";
export * as agent from "./generated/netbird/agent.ts";
export * as certificates from "./generated/netbird/certificate_store.ts";
export * as control from "./generated/netbird/proxy_control.ts";

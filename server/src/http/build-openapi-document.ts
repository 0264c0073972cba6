import { pino } from "pino";
import { createDnsLookup } from "../dns/dns-lookup.ts";
import { DEFAULT_PORT_RANGE } from "../domain/listen-port.ts";
import { createIdentity } from "../identity/identity.ts";
import { createChallengeProbe } from "../net/probe-challenge.ts";
import { createHashGate } from "../secrets/hash-gate.ts";
import { openStore } from "../store/open.ts";
import { buildHttpApp } from "./build-http-app.ts";

/**
 * The text of docs/openapi.json. The version of the server is left out, so that the file changes with the API only.
 * @param databaseFile an empty one is made there
 */
export async function buildOpenApiDocument(databaseFile: string): Promise<string> {
  const store = await openStore({ database: databaseFile, encryptionKey: new Uint8Array(32) });
  const identity = createIdentity({
    store,
    nowMs: Date.now,
    publicUrl: () => "https://netbird.example.com",
    dashboardOrigins: [],
    external: undefined,
  });
  const app = await buildHttpApp({
    context: {
      store,
      nowMs: Date.now,
      random: () => 0,
      portRange: DEFAULT_PORT_RANGE,
      auditEventsEnabled: true,
    },
    identity,
    hashGate: createHashGate({ running: 1, waiting: 1 }),
    trustedProxies: [],
    dns: createDnsLookup([]),
    probe: createChallengeProbe(),
    log: pino({ level: "silent" }),
    version: "",
    setupTokenEnabled: false,
    browsers: { tls: false, corsOrigins: [] },
  });
  try {
    const { body } = await app.inject({ url: "/api/openapi.json" });
    return `${JSON.stringify(JSON.parse(body), null, 2)}\n`;
  } finally {
    await app.close();
    await store.close();
  }
}

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { credentials } from "@grpc/grpc-js";
import { certificates } from "@netbird-proxy/proto/grpc";
import { addDnsCredentials } from "../../src/commands/dns-credentials.ts";
import { beginVisitorSignIn } from "../../src/commands/visitor-sign-in.ts";
import { readDnsCredentials } from "../../src/domain/validate-dns-credentials.ts";
import { createIdentity } from "../../src/identity/identity.ts";
import { sealedColumns } from "../../src/secrets/sealed-columns.ts";
import type { Db } from "../../src/store/transaction.ts";
import {
  answer,
  bearer,
  CLUSTER,
  connectScriptedProxy,
  startControlPlane,
} from "../support/control-plane.ts";
import { tableNames } from "../support/database.ts";
import { writeRoutes } from "../support/request-bodies.ts";
import { PUBLIC_URL, type RestServer, startRestServer } from "../support/rest-server.ts";

const webhookCredentials = {
  domain: CLUSTER,
  wildcard: true,
  provider: "webhook" as const,
  webhook: { url: "https://dns.test/records", username: "acme", password: "secret" },
  propagation_seconds: 0,
};

const source = fileURLToPath(new URL("../../src", import.meta.url));

suite("the list of sealed columns", () => {
  test("has every column in which the product leaves a sealed value, and no other", async () => {
    const found = new Set<string>();
    const rest = await startRestServer();
    try {
      await rest.setUp();
      await rest.connectProxy();
      await writeRoutes(rest);
      const headers = { "idempotency-key": "one" };
      const made = await rest.call(
        "POST",
        "/peers",
        { name: "phone", preshared_key: true },
        undefined,
        headers,
      );
      assert.equal(made.status, 200, made.text);
      await leaveSignIns(rest);
      for (const name of await columnsWithSealedValues(rest.store.db)) found.add(name);
    } finally {
      await rest.close();
    }
    const plane = await startControlPlane();
    try {
      const token = await plane.token();
      await connectScriptedProxy(plane, { token, proxyId: "p", address: CLUSTER }).synced();
      await plane.service("shop");
      const client = new certificates.CertificateStoreClient(plane.target, credentials.createInsecure());
      plane.cleanUps.push(() => client.close());
      const servedName = `shop.${CLUSTER}`;
      for (const name of [servedName, `*.${CLUSTER}`]) {
        const shared = name !== servedName;
        if (shared)
          await addDnsCredentials(plane.context, plane.actor, readDnsCredentials(webhookCredentials));
        const { result } = await answer<certificates.AcquireResponse>((done) =>
          client.acquire({ proxyId: "p", name: servedName, have: "", dns: shared }, bearer(token), done),
        );
        assert.equal(result?.$case, "lease");
        await answer<certificates.SaveResponse>((done) =>
          client.save(
            {
              proxyId: "p",
              name,
              servedName: shared ? servedName : "",
              lease: result?.value as string,
              bundle: Buffer.from("chain and key"),
              fingerprint: "f",
              expiresAtUnixSeconds: BigInt(Math.floor(Date.now() / 1000) + 86_400),
            },
            bearer(token),
            done,
          ),
        );
      }
      const directoryUrl = "https://ca.test/dir";
      await answer<certificates.AccountKeyResponse>((done) =>
        client.accountKey({ proxyId: "p", directoryUrl, offer: Buffer.from("key") }, bearer(token), done),
      );
      for (const column of await columnsWithSealedValues(plane.store.db)) found.add(column);
    } finally {
      await plane.close();
    }
    assert.deepEqual(
      [...found].sort(),
      sealedColumns.map(({ table, column }) => `${table}.${column}`).sort(),
    );
  });

  test("gives each purpose to one column, and the program seals for each in one place", () => {
    const purposes = sealedColumns.map(({ purpose }) => purpose);
    assert.equal(new Set(purposes).size, purposes.length);
    const calls = filesOf(source).flatMap((file) =>
      (readFileSync(file, "utf8").match(/^.*\.seal\(.*$/gm) ?? []).map((line) => `${file}: ${line.trim()}`),
    );
    // Rotation seals once more what was sealed before. Whoever adds another call seals a column of its own: it needs a
    // purpose and a line in the list, or rotation leaves it behind and removing the old key destroys it.
    assert.equal(calls.length, sealedColumns.length + 1, calls.join("\n"));
  });

  test("names tables with their keys as the schema has them", async () => {
    const rest = await startRestServer();
    try {
      for (const { table, column, key } of sealedColumns) {
        const columns = Object.keys(await rest.store.db(table).columnInfo());
        for (const name of [column, ...key]) assert.ok(columns.includes(name), `${table}.${name}`);
      }
    } finally {
      await rest.close();
    }
  });
});

/** Somebody at the page of the identity provider, and a visitor of a service on the way to it. */
async function leaveSignIns({ app, store, context, nowMs }: RestServer): Promise<void> {
  const domain = `sso.${CLUSTER}`;
  const query = new URLSearchParams({
    client_id: "netbird-dashboard",
    redirect_uri: `${PUBLIC_URL}/auth`,
    response_type: "code",
    scope: "openid",
    code_challenge: "a".repeat(43),
    code_challenge_method: "S256",
  });
  assert.equal((await app.inject({ url: `/oauth2/auth?${query}` })).statusCode, 303);
  const [service] = await store.db("services");
  const auth = JSON.stringify({ ...JSON.parse(service.auth), bearer: { enabled: true, groups: [] } });
  await store.db("services").where({ id: service.id }).update({ domain, domain_key: domain, auth });
  const identity = createIdentity({
    store,
    nowMs: () => nowMs,
    publicUrl: () => PUBLIC_URL,
    dashboardOrigins: [],
    external: undefined,
  });
  await beginVisitorSignIn({ context, identity }, service.account_id, new URL(`https://${domain}/`));
}

async function columnsWithSealedValues(db: Db): Promise<Set<string>> {
  const found = new Set<string>();
  for (const table of await tableNames(db)) {
    for (const row of await db(table)) {
      for (const [column, value] of Object.entries(row)) {
        if (typeof value === "string" && /^v[12]\./.test(value)) found.add(`${table}.${column}`);
      }
    }
  }
  return found;
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

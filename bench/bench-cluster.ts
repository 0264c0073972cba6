import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Api } from "../scripts/stack/api.ts";
import type { Child } from "../scripts/stack/child.ts";
import { waitFor } from "../scripts/stack/child.ts";
import { freePort } from "../scripts/stack/free-port.ts";
import { createAuthority, issueCertificate } from "../scripts/stack/local-ca.ts";
import { startProxy, startServer } from "../scripts/stack/programs.ts";

export const CLUSTER = "bench.example.net";

/** The built server and one connected proxy of {@link CLUSTER}, for what clients of the API cost. */
export interface BenchCluster {
  readonly server: Child;
  /** Of the server. */
  readonly port: number;
  readonly token: string;
  readonly api: Api;
  stop(): Promise<void>;
}

/** Waits for a new server and makes its owner. */
export async function setUpServer(url: string): Promise<{ api: Api; token: string; proxyToken: string }> {
  const anonymous = new Api(url);
  await waitFor("the server", () => anonymous.call("GET", "/instance"));
  const { personal_access_token: token } = await anonymous.call<{ personal_access_token: string }>(
    "POST",
    "/setup",
    { email: "a@example.com", name: "A", password: "correct horse", create_pat: true },
  );
  const api = new Api(url, token);
  const { plain_token: proxyToken } = await api.call<{ plain_token: string }>(
    "POST",
    "/reverse-proxies/proxy-tokens",
    { name: "bench" },
  );
  return { api, token, proxyToken };
}

/** @param folder for everything that the two keep */
export async function startBenchCluster(folder: string): Promise<BenchCluster> {
  const port = await freePort("tcp");
  const server = startServer({
    port,
    stateDir: join(folder, "server"),
    logFile: join(folder, "server.log"),
    env: { NB_LOG_LEVEL: "warn" },
  });
  let proxy: Child | undefined;
  const stop = async () => {
    await proxy?.stop();
    await server.stop();
  };
  try {
    const url = `http://127.0.0.1:${port}`;
    const { api, token, proxyToken } = await setUpServer(url);
    const certificateDir = join(folder, "certificates");
    mkdirSync(certificateDir);
    const pair = await issueCertificate(await createAuthority("Bench"), [`*.${CLUSTER}`]);
    writeFileSync(join(certificateDir, "tls.crt"), pair.certificate);
    writeFileSync(join(certificateDir, "tls.key"), pair.key);
    proxy = startProxy({
      domain: CLUSTER,
      managementUrl: url,
      token: proxyToken,
      httpsPort: await freePort("tcp"),
      healthPort: await freePort("tcp"),
      wireguardPort: await freePort("udp"),
      stateDir: join(folder, "proxy"),
      certificateDir,
      logFile: join(folder, "proxy.log"),
      env: { NB_PROXY_LOG_LEVEL: "warn" },
    });
    await waitFor(
      "the proxy",
      async () => (await api.call<unknown[]>("GET", "/reverse-proxies/clusters")).length > 0 || undefined,
    );
    return { server, port, token, api, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

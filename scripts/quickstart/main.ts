// Starts server, proxy and agent as a user would, applies examples/quickstart with the real terraform, and asks the
// published service for an answer. `--once` stops after the answer; otherwise everything runs until Ctrl-C.
import { execFileSync } from "node:child_process";
import { randomBytes, X509Certificate } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import type { Server } from "node:http";
import { join, relative } from "node:path";
import { Api, ApiError } from "../stack/api.ts";
import { type Child, waitFor } from "../stack/child.ts";
import { freePort } from "../stack/free-port.ts";
import { httpsGet } from "../stack/https-get.ts";
import { createAuthority, issueCertificate } from "../stack/local-ca.ts";
import { repository, startAgent, startProxy, startServer } from "../stack/programs.ts";
import { startSampleService } from "../stack/sample-service.ts";
import { findTerraform, howToGetTerraform, installProvider, terraform } from "../stack/terraform.ts";
import { Progress } from "./progress.ts";
import { readSavedState, writeSavedState } from "./saved-state.ts";

const proxyDomain = "proxy.localhost";
const peerName = "quickstart-agent";
const once = process.argv.includes("--once");
const folder = process.env.QUICKSTART_DIR ?? join(repository, ".quickstart");
const stateFile = join(folder, "state.json");
const logs = join(folder, "logs");

const progress = new Progress();
const children: Child[] = [];
const services: Server[] = [];
let stopped: Promise<void> | undefined;

/** Stops everything once; whoever asks again waits for the same end. */
function stopAll(): Promise<void> {
  stopped ??= stopEverything();
  return stopped;
}

async function stopEverything(): Promise<void> {
  // The agent first, the server last: nobody then logs that the other side went away.
  for (const child of [...children].reverse()) await child.stop();
  for (const service of services) {
    service.closeAllConnections();
    service.close();
  }
}

function assertAllRunning(): undefined {
  for (const child of children) child.assertRunning();
  return undefined;
}

async function firstOwner(api: Api, state: ReturnType<typeof readSavedState>): Promise<string> {
  if (state.token !== undefined) {
    try {
      await new Api(api.url, state.token).call("GET", "/groups");
      return "existing";
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      throw new Error(
        `the token in ${stateFile} is no longer accepted; remove the folder ${folder} to start anew`,
      );
    }
  }
  const owner = { email: "owner@quickstart.localhost", password: randomBytes(12).toString("base64url") };
  const made = await api.call<{ personal_access_token: string }>("POST", "/setup", {
    ...owner,
    name: "Quickstart Owner",
    create_pat: true,
    pat_expire_in: 365,
  });
  state.owner = owner;
  state.token = made.personal_access_token;
  writeSavedState(stateFile, state);
  return owner.email;
}

/** A CA that stays, and a leaf for the proxy's domain that is renewed when it has less than a month left. */
async function certificates(): Promise<{ dir: string; caFile: string }> {
  const dir = join(folder, "certificates");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const caFile = join(dir, "ca.crt");
  const caKeyFile = join(dir, "ca.key");
  if (!existsSync(caFile) || !existsSync(caKeyFile)) {
    const ca = await createAuthority("NetBird Reverse Proxy quickstart CA");
    writeFileSync(caKeyFile, ca.key, { mode: 0o600 });
    writeFileSync(caFile, ca.certificate);
    rmSync(join(dir, "tls.crt"), { force: true });
  }
  const leafFile = join(dir, "tls.crt");
  const monthMs = 30 * 86_400_000;
  const usable =
    existsSync(leafFile) &&
    Date.parse(new X509Certificate(readFileSync(leafFile)).validTo) - Date.now() > monthMs;
  if (!usable) {
    const ca = { certificate: readFileSync(caFile, "utf8"), key: readFileSync(caKeyFile, "utf8") };
    const leaf = await issueCertificate(ca, [`*.${proxyDomain}`, proxyDomain]);
    writeFileSync(join(dir, "tls.key"), leaf.key, { mode: 0o600 });
    writeFileSync(leafFile, leaf.certificate + ca.certificate);
  }
  return { dir, caFile };
}

/** A working folder whose .tf files are those of examples/quickstart; state, lock and plugins stay in it. */
function terraformFolder(): string {
  const work = join(folder, "terraform");
  mkdirSync(work, { recursive: true });
  const example = join(repository, "examples", "quickstart");
  for (const file of readdirSync(example).filter((name) => name.endsWith(".tf"))) {
    const link = join(work, file);
    if (!existsSync(link)) {
      rmSync(link, { force: true });
      symlinkSync(relative(work, join(example, file)), link);
    }
  }
  // The lock file holds a hash of the provider that was built before; this tree may have built another since.
  rmSync(join(work, ".terraform.lock.hcl"), { force: true });
  return work;
}

async function main(): Promise<void> {
  const program = findTerraform();
  if (program === undefined) throw new Error(howToGetTerraform);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const state = readSavedState(stateFile);
  const port = async (name: string, protocol: "tcp" | "udp", wished: number) => {
    const found = await freePort(protocol, state.ports[name], wished);
    state.ports[name] = found;
    return found;
  };

  await progress.step("Building server, proxy, agent and provider", async () => {
    execFileSync(process.execPath, [join(repository, "scripts", "build.mjs")], {
      cwd: repository,
      stdio: "pipe",
    });
  });

  const managementPort = await port("management", "tcp", 33073);
  const managementUrl = `http://127.0.0.1:${managementPort}`;
  const anonymous = new Api(managementUrl);
  await progress.step("Starting the management server (SQLite)", async (note) => {
    children.push(
      startServer({
        port: managementPort,
        stateDir: join(folder, "server"),
        logFile: join(logs, "server.log"),
      }),
    );
    await waitFor("the management server", async () => {
      assertAllRunning();
      return await anonymous.call("GET", "/instance");
    });
    note(managementUrl);
  });

  await progress.step("Making the first owner and an API token", async (note) =>
    note(await firstOwner(anonymous, state)),
  );
  const api = new Api(managementUrl, state.token);

  const { dir: certificateDir, caFile } = await progress.step(
    "Making a local CA and a certificate",
    certificates,
  );
  const ca = readFileSync(caFile, "utf8");

  const httpsPort = await port("https", "tcp", 8443);
  await progress.step(`Starting the proxy for ${proxyDomain}`, async (note) => {
    if (state.proxyToken === undefined) {
      const made = await api.call<{ plain_token: string }>("POST", "/reverse-proxies/proxy-tokens", {
        name: "quickstart",
        expires_in: 0,
      });
      state.proxyToken = made.plain_token;
    }
    const healthPort = await port("health", "tcp", 8080);
    const wireguardPort = await port("wireguard", "udp", 51820);
    writeSavedState(stateFile, state);
    children.push(
      startProxy({
        domain: proxyDomain,
        managementUrl,
        token: state.proxyToken,
        httpsPort,
        healthPort,
        wireguardPort,
        stateDir: join(folder, "proxy"),
        certificateDir,
        logFile: join(logs, "proxy.log"),
      }),
    );
    await waitFor("the proxy to connect", async () => {
      assertAllRunning();
      const clusters = await api.call<{ address: string; online: boolean }[]>(
        "GET",
        "/reverse-proxies/clusters",
      );
      return clusters.find((cluster) => cluster.address === proxyDomain && cluster.online);
    });
    note(`https port ${httpsPort}, WireGuard port ${wireguardPort}`);
  });

  await progress.step("Joining a peer agent with a setup key", async (note) => {
    if (state.setupKey === undefined) {
      const made = await api.call<{ key: string }>("POST", "/setup-keys", {
        name: "quickstart",
        type: "reusable",
        expires_in: 0,
        auto_groups: [],
        usage_limit: 0,
      });
      state.setupKey = made.key;
      writeSavedState(stateFile, state);
    }
    children.push(
      startAgent({
        name: peerName,
        managementUrl,
        setupKey: state.setupKey,
        stateDir: join(folder, "agent"),
        logFile: join(logs, "agent.log"),
      }),
    );
    const peer = await waitFor("the agent to join", async () => {
      assertAllRunning();
      const peers = await api.call<{ name: string; ip: string; connected: boolean }[]>("GET", "/peers");
      return peers.find((candidate) => candidate.name === peerName && candidate.connected);
    });
    note(`${peerName}, ${peer.ip}`);
  });

  const webPort = await port("web", "tcp", 3000);
  const apiPort = await port("api", "tcp", 3001);
  await progress.step("Starting two sample services on loopback", async (note) => {
    services.push(await startSampleService("web", webPort), await startSampleService("api", apiPort));
    writeSavedState(stateFile, state);
    note(`ports ${webPort} and ${apiPort}`);
  });

  const work = terraformFolder();
  const environment: Record<string, string> = {
    TF_CLI_CONFIG_FILE: installProvider(folder),
    NB_MANAGEMENT_URL: managementUrl,
    NB_PAT: state.token!,
    TF_VAR_peer_name: peerName,
    TF_VAR_domain: `hello.${proxyDomain}`,
    TF_VAR_web_port: String(webPort),
    TF_VAR_api_port: String(apiPort),
  };
  const environmentFile = join(folder, "env.sh");
  writeFileSync(
    environmentFile,
    Object.entries(environment)
      .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
      .join(""),
    { mode: 0o600 },
  );
  const run = async (title: string, args: string[], interesting?: RegExp) =>
    progress.step(`${program} ${title}`, async (note) => {
      const result = await terraform(program, args, {
        cwd: work,
        env: environment,
        onLine: (line) => {
          if (interesting?.test(line)) note(line.trim());
        },
      });
      if (result.code !== 0)
        throw new Error(`${program} ${args.join(" ")} failed in ${work}:\n${result.output}`);
      return result.output;
    });
  await run("init", ["init", "-input=false"]);
  await run("plan", ["plan", "-input=false", "-out=plan.bin"], /^Plan:|^No changes/);
  await run("apply", ["apply", "-input=false", "plan.bin"], /^Apply complete|Still creating/);
  const outputs = JSON.parse(
    (await terraform(program, ["output", "-json"], { cwd: work, env: environment })).output,
  ) as Record<string, { value: string }>;

  const url = outputs.url?.value ?? "";
  const answers = await progress.step("Asking through proxy and tunnel", async (note) => {
    const answer = await waitFor("an answer", async () => {
      assertAllRunning();
      const got = {
        web: await httpsGet(`${url}/`, { ca }),
        api: await httpsGet(`${url}/api/things?id=1`, { ca }),
      };
      if (got.web.status !== 200 || got.api.status !== 200)
        throw new Error(`${got.web.status} ${got.api.status}`);
      return got;
    });
    note("200 OK");
    return answer;
  });

  const here = (path: string) => relative(process.cwd(), path) || ".";
  process.stdout.write(`
GET ${url}/
  ${answers.web.body.trim()}
GET ${url}/api/things?id=1
  ${answers.api.body.trim()}

Ready in ${progress.elapsedSeconds} s.
  Service    ${url}/  and  ${url}/api   (status: ${outputs.status?.value})
  Try        curl --cacert ${here(caFile)} ${url}/
  API        ${managementUrl}/api  (OpenAPI: ${managementUrl}/api/openapi.json, token in ${here(environmentFile)})
  Dashboard  ${managementUrl}/  (sign in as ${state.owner?.email}; the password is in ${here(stateFile)})
  State      ${here(folder)}, logs in ${here(logs)}
`);
  if (once) return;
  process.stdout.write(`
Next: edit examples/quickstart/main.tf, then in another terminal
  . ${here(environmentFile)}
  ${program} -chdir=${here(work)} plan
  ${program} -chdir=${here(work)} apply
  ${program} -chdir=${here(work)} destroy

Ctrl-C stops everything.
`);
  process.off("SIGINT", interrupted);
  process.off("SIGTERM", interrupted);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
    for (const child of children) {
      void child.exited.then(() => {
        if (stopped === undefined)
          process.stderr.write(`\n${child.name} stopped by itself; see ${here(child.logFile)}\n`);
      });
    }
  });
  process.stdout.write("\nStopping ...\n");
}

let code = 0;
function interrupted(): void {
  process.stdout.write("\nStopping ...\n");
  void stopAll().then(() => process.exit(130));
}
process.on("SIGINT", interrupted);
process.on("SIGTERM", interrupted);
try {
  await main();
} catch (error) {
  process.stderr.write(`\n${(error as Error).message}\n`);
  code = 1;
}
await stopAll();
process.exit(code);

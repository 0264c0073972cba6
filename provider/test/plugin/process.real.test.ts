import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createPublicKey, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { GRPCControllerClient } from "@netbird-proxy/proto/goplugin";
import { type GetProviderSchema_Response, ProviderClient } from "@netbird-proxy/proto/tfplugin6";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import { makeOneUseCertificate } from "../../src/plugin/certificate.ts";
import { MAGIC_COOKIE } from "../../src/plugin/handshake.ts";
import { installArtefact } from "../support/artefact.ts";

interface Started {
  readonly child: ChildProcess;
  /** Parts of the handshake line. */
  readonly parts: string[];
}

suite("the provider's process", () => {
  let folder: string;
  let program: string;
  const children: ChildProcess[] = [];

  suiteSetup(function () {
    this.timeout(60_000);
    folder = mkdtempSync(join(tmpdir(), "nbp-"));
    program = installArtefact(folder);
  });
  teardown(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });
  suiteTeardown(() => rmSync(folder, { recursive: true, force: true }));

  function run(env: Record<string, string>, args: string[] = []): ChildProcess {
    const child = spawn(program, args, {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH, TMPDIR: folder, ...env },
    });
    children.push(child);
    return child;
  }

  async function start(env: Record<string, string> = {}): Promise<Started> {
    const child = run({ TF_PLUGIN_MAGIC_COOKIE: MAGIC_COOKIE, PLUGIN_PROTOCOL_VERSIONS: "5,6", ...env });
    let output = "";
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout!.on("data", (chunk) => {
        output += chunk;
        if (output.includes("\n")) resolve(output);
      });
      child.once("exit", (code) => reject(new Error(`exit ${code}: ${output}`)));
    });
    assert.ok(line.endsWith("\n") && line.indexOf("\n") === line.length - 1, "exactly one line on stdout");
    return { child, parts: line.trim().split("|") };
  }

  async function finished(
    child: ChildProcess,
  ): Promise<{ code: number | null; stderr: string; stdout: string }> {
    let stderr = "";
    let stdout = "";
    child.stderr!.on("data", (chunk) => {
      stderr += chunk;
    });
    child.stdout!.on("data", (chunk) => {
      stdout += chunk;
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, stderr, stdout };
  }

  function schemaOver(client: ProviderClient): Promise<GetProviderSchema_Response> {
    return new Promise((resolve, reject) => {
      client.getProviderSchema({}, (error, response) => (error ? reject(error) : resolve(response)));
    });
  }

  function shutdown(client: GRPCControllerClient): Promise<void> {
    return new Promise((resolve, reject) => {
      client.shutdown({}, (error) => (error ? reject(error) : resolve()));
    });
  }

  test("started by hand, it says what it is", async () => {
    for (const env of [{}, { TF_PLUGIN_MAGIC_COOKIE: "wrong" }] as Record<string, string>[]) {
      const { code, stderr, stdout } = await finished(run(env));
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(stderr, /This file is a Terraform provider/);
    }
  });

  test("a host that does not speak protocol 6 is told so", async () => {
    const { code, stderr } = await finished(
      run({ TF_PLUGIN_MAGIC_COOKIE: MAGIC_COOKIE, PLUGIN_PROTOCOL_VERSIONS: "5,4" }),
    );
    assert.equal(code, 1);
    assert.match(stderr, /speaks plugin protocol 6; this host speaks 5, 4/);
  });

  test("without TLS it serves the schema, and ends at once when asked, removing its socket", async () => {
    for (const versions of ["5,6", "6,5", "6"]) {
      const { child, parts } = await start({ PLUGIN_PROTOCOL_VERSIONS: versions });
      assert.deepEqual([parts.slice(0, 3), parts[4], parts.length], [["1", "6", "unix"], "grpc", 5]);
      const socket = parts[3]!;
      assert.ok(socket.length < 100, socket);
      const insecure = credentials.createInsecure();
      const provider = new ProviderClient(`unix:${socket}`, insecure);
      const schema = await schemaOver(provider);
      const { resources } = netbirdProvider(readEnvironment({}));
      assert.deepEqual(
        Object.keys(schema.resourceSchemas).sort(),
        resources.map(({ typeName }) => typeName).sort(),
      );
      const controller = new GRPCControllerClient(`unix:${socket}`, insecure);
      const end = finished(child);
      await shutdown(controller);
      assert.equal((await end).code, 0);
      assert.ok(!existsSync(socket), "the socket is left behind");
      provider.close();
      controller.close();
    }
  });

  test("with mutual TLS only the host's certificate gets in", async () => {
    const host = makeOneUseCertificate(Date.now());
    const { parts } = await start({ PLUGIN_CLIENT_CERT: host.certificatePem });
    const encoded = parts[5]!;
    assert.doesNotMatch(encoded, /[=_-]/, "standard alphabet without padding");
    const certificate = new X509Certificate(Buffer.from(encoded, "base64"));
    assert.equal(certificate.subjectAltName, "DNS:localhost");
    assert.ok(
      certificate.verify(createPublicKey(certificate.publicKey.export({ type: "spki", format: "pem" }))),
    );
    const trust = Buffer.from(certificate.toString());
    const connect = (identity: typeof host) =>
      new ProviderClient(
        `unix:${parts[3]}`,
        credentials.createSsl(
          trust,
          Buffer.from(identity.privateKeyPem),
          Buffer.from(identity.certificatePem),
        ),
        { "grpc.ssl_target_name_override": "localhost", "grpc.default_authority": "localhost" },
      );
    const known = connect(host);
    assert.ok((await schemaOver(known)).provider);
    known.close();
    const stranger = connect(makeOneUseCertificate(Date.now()));
    await assert.rejects(schemaOver(stranger));
    stranger.close();
  });

  test("Ctrl-C of the terminal does not end it, SIGTERM does", async () => {
    const { child, parts } = await start();
    child.kill("SIGINT");
    const client = new ProviderClient(`unix:${parts[3]}`, credentials.createInsecure());
    assert.ok((await schemaOver(client)).provider);
    client.close();
    const end = finished(child);
    child.kill("SIGTERM");
    assert.equal((await end).code, 0);
    assert.ok(!existsSync(parts[3]!));
  });

  test("a message larger than the default of gRPC is taken", async () => {
    const { parts } = await start();
    const client = new ProviderClient(`unix:${parts[3]}`, credentials.createInsecure(), {
      "grpc.max_send_message_length": -1,
      "grpc.max_receive_message_length": -1,
    });
    const json = Buffer.from(JSON.stringify({ id: "x", name: "n".repeat(6_000_000) }));
    const answer = await new Promise<{ diagnostics: unknown[] }>((resolve, reject) => {
      client.upgradeResourceState(
        { typeName: "netbird_group", version: 0n, rawState: { json, flatmap: {} } },
        (error, response) => (error ? reject(error) : resolve(response)),
      );
    });
    assert.deepEqual(answer.diagnostics, []);
    client.close();
  });

  test("sixty processes start side by side with sockets of their own", async function () {
    this.timeout(60_000);
    const started = await Promise.all(Array.from({ length: 60 }, () => start()));
    assert.equal(new Set(started.map(({ parts }) => parts[3])).size, 60);
    await Promise.all(
      started.map(({ child }) => {
        const end = finished(child);
        child.kill("SIGTERM");
        return end;
      }),
    );
    assert.deepEqual(
      started.map(({ parts }) => parts[3]!).filter((socket) => existsSync(socket)),
      [],
    );
  });

  test("--debug prints the line for Terraform", async () => {
    const child = run({}, ["--debug"]);
    const line = await new Promise<string>((resolve) => {
      let output = "";
      child.stdout!.on("data", (chunk) => {
        output += chunk;
        const found = /TF_REATTACH_PROVIDERS='(.*)'/.exec(output);
        if (found) resolve(found[1]!);
      });
    });
    const entry = JSON.parse(line)["registry.terraform.io/netbirdio/netbird"];
    assert.equal(entry.ProtocolVersion, 6);
    assert.equal(entry.Test, true);
    assert.equal(entry.Pid, child.pid);
  });
});

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, ConfigError, helpText, readCommand } from "../src/config.ts";
import { TemporaryFolders } from "./support/temporary-folder.ts";

const folders = new TemporaryFolders();

function problemsOf(argv: string[], env: NodeJS.ProcessEnv = {}): readonly string[] {
  try {
    readCommand(argv, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  throw new Error("nothing was wrong");
}

function up(argv: string[], env: NodeJS.ProcessEnv = {}) {
  const command = readCommand(["up", ...argv], env);
  assert.equal(command.kind, "up");
  return (command as Extract<Command, { kind: "up" }>).config;
}

suite("agent configuration", () => {
  teardown(() => folders.remove());

  test("everything can come from the environment, and a flag wins", () => {
    const env = {
      NB_MANAGEMENT_URL: "https://one.example.com",
      NB_SETUP_KEY: "KEY-1",
      NB_HOSTNAME: "from-env",
      NB_STATE_DIR: "/tmp/a",
      NB_LOG_LEVEL: "DEBUG",
    };
    assert.deepEqual(up([], env), {
      management: {
        url: "https://one.example.com:443",
        target: "one.example.com:443",
        tls: true,
        loopback: false,
        extraCa: undefined,
      },
      setupKey: "KEY-1",
      name: "from-env",
      stateDir: "/tmp/a",
      logLevel: "debug",
    });
    const flags = up(["--name", "from-flag", "--management-url", "https://two.example.com:8443/path"], env);
    assert.equal(flags.name, "from-flag");
    assert.equal(flags.management.target, "two.example.com:8443");
  });

  test("cleartext is for loopback, or for those who say that they want it", () => {
    for (const host of ["127.0.0.1", "127.9.9.9", "localhost", "a.localhost", "[::1]"])
      assert.equal(up(["--management-url", `http://${host}:80`]).management.tls, false, host);
    for (const host of ["10.0.0.1", "example.com", "127.0.0.1.example.com", "notlocalhost", "[::2]"]) {
      const [problem, ...rest] = problemsOf(["up", "--management-url", `http://${host}`]);
      assert.match(problem ?? "", /NB_ALLOW_INSECURE=true/);
      assert.deepEqual(rest, []);
    }
    const allowed = up(["--management-url", "http://10.0.0.1"], { NB_ALLOW_INSECURE: "true" });
    assert.equal(allowed.management.target, "10.0.0.1:80");
  });

  test("every bad setting is named at once, with what to do", () => {
    const problems = problemsOf(["up", "--ca-file", "/does/not/exist"], {
      NB_MANAGEMENT_URL: "ftp://x",
      NB_LOG_LEVEL: "loud",
      NB_SETUP_KEY: "two words",
      NB_HOSTNAME: "x".repeat(300),
    });
    assert.equal(problems.length, 5);
    for (const name of ["NB_CA_FILE", "NB_MANAGEMENT_URL", "NB_HOSTNAME", "NB_LOG_LEVEL", "NB_SETUP_KEY"])
      assert.ok(
        problems.some((problem) => problem.includes(name)),
        name,
      );
    assert.match(problemsOf(["up"])[0] ?? "", /NB_MANAGEMENT_URL\): missing/);
    assert.match(problemsOf(["up", "--management-url", "https://u:p@x"])[0] ?? "", /user or password/);
  });

  test("a private CA is read from a PEM file", () => {
    const path = join(folders.make(), "ca.pem");
    writeFileSync(path, "nothing");
    assert.match(problemsOf(["up", "--management-url", "https://x", "--ca-file", path])[0] ?? "", /PEM/);
    writeFileSync(path, "-----BEGIN CERTIFICATE-----\n");
    assert.match(up(["--management-url", "https://x", "--ca-file", path]).management.extraCa ?? "", /BEGIN/);
  });

  test("commands and unknown words", () => {
    assert.deepEqual(readCommand(["status", "--json", "--state-dir", "/s"], {}), {
      kind: "status",
      stateDir: "/s",
      json: true,
    });
    assert.deepEqual(readCommand(["down"], { NB_STATE_DIR: "/s" }), { kind: "down", stateDir: "/s" });
    assert.deepEqual(readCommand(["version"], {}), { kind: "version" });
    assert.deepEqual(readCommand(["up", "--help"], {}), { kind: "help" });
    assert.match(problemsOf(["upp"])[0] ?? "", /unknown command "upp"/);
    assert.match(problemsOf([])[0] ?? "", /agent up/);
    assert.match(problemsOf(["up", "--setup_key", "x"])[0] ?? "", /--setup_key/);
    assert.match(problemsOf(["up", "now"])[0] ?? "", /unexpected argument "now"/);
  });

  test("the help names every variable that is read", () => {
    for (const name of [
      "NB_MANAGEMENT_URL",
      "NB_SETUP_KEY",
      "NB_HOSTNAME",
      "NB_STATE_DIR",
      "NB_CA_FILE",
      "NB_LOG_LEVEL",
      "NB_ALLOW_INSECURE",
    ])
      assert.ok(helpText.includes(name), name);
  });
});

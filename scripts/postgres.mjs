// A PostgreSQL server of its own for a test run or a benchmark: empty, on loopback, in a folder that goes with it.
//   node scripts/postgres.mjs COMMAND [ARGUMENTS]   runs the command with TEST_POSTGRES_URL set
import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { postgresPrograms } from "./setup.mjs";

/**
 * Needs Debian's package postgresql. As root it runs as the user postgres, because the server refuses to run as root.
 * @returns {{url: string, stop: () => void}} a URL whose user may make databases
 */
export function startPostgres() {
  const bin = postgresPrograms();
  if (bin === undefined) throw new Error("PostgreSQL is missing: apt-get install postgresql");
  const folder = mkdtempSync(join(tmpdir(), "netbird-proxy-postgres-"));
  const data = join(folder, "data");
  const asUser = [];
  if (process.getuid?.() === 0) {
    const id = (flag) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
    chownSync(folder, id("-u"), id("-g"));
    asUser.push("runuser", "-u", "postgres", "--");
  }
  const run = (...command) => {
    const [program, ...args] = [...asUser, ...command];
    execFileSync(program, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  };
  try {
    run(
      join(bin, "initdb"),
      "-D",
      data,
      "-U",
      "test",
      "-A",
      "trust",
      "-E",
      "UTF8",
      "--locale=C",
      "--no-sync",
    );
    const port = freePort();
    // Nothing here has to survive a crash of the machine.
    const settings = `-c listen_addresses=127.0.0.1 -c port=${port} -c unix_socket_directories=${folder} -c fsync=off -c max_connections=300`;
    run(join(bin, "pg_ctl"), "-D", data, "-w", "-o", settings, "-l", join(folder, "log"), "start");
    return {
      url: `postgres://test@127.0.0.1:${port}/postgres`,
      stop() {
        run(join(bin, "pg_ctl"), "-D", data, "-w", "-m", "immediate", "stop");
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Asked of another process, because this one must not wait in the middle. */
function freePort() {
  const script =
    'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})';
  return Number(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [command, ...args] = process.argv.slice(2);
  const postgres = startPostgres();
  const result = spawnSync(command, args, {
    stdio: "inherit",
    env: { ...process.env, TEST_POSTGRES_URL: postgres.url },
  });
  postgres.stop();
  process.exit(result.status ?? 1);
}

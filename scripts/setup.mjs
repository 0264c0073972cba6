// Installs what the scripts need and says plainly what is missing when it may not.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const MIN_NODE = [20, 19];

/** Stops with one clear line when Node is too old for this repository. */
export function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])) return;
  console.error(
    `Node ${MIN_NODE.join(".")} or newer is needed; this is ${process.versions.node} (${process.execPath}).`,
  );
  process.exit(1);
}

/** True when node_modules matches package-lock.json and the running Node. */
export function dependenciesInstalled(root) {
  const mark = join(root, "node_modules", ".installed-for");
  return existsSync(mark) && readFileSync(mark, "utf8") === installMark(root);
}

function installMark(root) {
  return `${process.version} ${process.platform} ${process.arch}\n${readFileSync(join(root, "package-lock.json"), "utf8").length}\n${readFileSync(join(root, "package.json"), "utf8")}`;
}

/**
 * `npm install` by the lock file, unless the installed tree is already the one that the lock file and this Node ask for.
 * Not `npm ci`: it refuses a lock file without the optional binaries of platforms that a registry does not carry.
 * Native modules are compiled here against the headers beside the Node that runs: no prebuilt file is downloaded.
 */
export function installDependencies(root) {
  requireNode();
  if (dependenciesInstalled(root)) return;
  const env = {
    ...process.env,
    npm_config_build_from_source: "better-sqlite3",
    npm_config_audit: "false",
    npm_config_fund: "false",
  };
  const headers = join(process.execPath, "..", "..");
  if (!env.npm_config_nodedir && existsSync(join(headers, "include", "node", "node.h")))
    env.npm_config_nodedir = headers;
  execFileSync("npm", ["install", "--no-save", "--no-audit", "--no-fund"], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  compileSqliteDriver(root, env);
  writeFileSync(join(root, "node_modules", ".installed-for"), installMark(root));
}

/**
 * Node 20 needs better-sqlite3 12, which is compiled where it is installed; newer ones use a driver that comes ready-made.
 * A tree that another version of Node filled holds a driver of another ABI.
 */
function compileSqliteDriver(root, env) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 14)) return;
  const loads = () =>
    spawnSync(process.execPath, ["-e", 'require("better-sqlite3")(":memory:")'], { cwd: root }).status === 0;
  if (loads()) return;
  const compilers = ["g++", "make", "python3"].filter((program) => !has(program));
  if (compilers.length > 0) {
    if (process.getuid?.() !== 0) {
      console.error(
        `The SQLite driver is compiled on Node ${process.versions.node}, which needs more programs:`,
      );
      console.error(`  sudo apt-get install --no-install-recommends ${compilers.join(" ")}`);
      console.error("Or use Node 22.14 or newer, where it comes ready-made.");
      process.exit(1);
    }
    aptInstall(compilers);
  }
  // Optional packages whose installation failed are gone; this brings the driver back and compiles it.
  execFileSync("npm", ["install", "--no-save", "--no-audit", "--no-fund"], {
    cwd: root,
    env,
    stdio: "inherit",
  });
  if (!loads()) execFileSync("npm", ["rebuild", "better-sqlite3"], { cwd: root, env, stdio: "inherit" });
}

/** Debian packages that the tests drive, by the program that shows they are there. */
const systemPackages = [
  ["wireguard-go", "wireguard-go"],
  ["wg", "wireguard-tools"],
  ["zip", "zip"],
  ["unzip", "unzip"],
  ["gpg", "gnupg"],
  ["ip", "iproute2"],
  ["iptables", "iptables"],
  ["curl", "curl"],
  ["openssl", "openssl"],
  ["nc", "netcat-openbsd"],
  ["pebble", "pebble"],
  ["named", "bind9"],
  ["crowdsec", "crowdsec"],
  ["nginx", "nginx-light"],
  ["chromium", "chromium"],
];

const has = (program) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

/** Debian keeps the programs of PostgreSQL's server off the PATH. */
export function postgresPrograms() {
  const folder = "/usr/lib/postgresql";
  const versions = existsSync(folder) ? readdirSync(folder).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => join(folder, version, "bin"));
  return found.find((bin) => existsSync(join(bin, "initdb")));
}

/** Installs missing Debian packages as root; otherwise names them and stops. */
export function installSystemPackages() {
  const missing = systemPackages.filter(([program]) => !has(program)).map(([, name]) => name);
  if (postgresPrograms() === undefined) missing.push("postgresql");
  if (!has("terraform") && !has("tofu")) {
    console.error("terraform is needed (1.11 or newer): https://developer.hashicorp.com/terraform/install");
    process.exit(1);
  }
  const root = process.getuid?.() === 0;
  if (!root) {
    console.error(
      "The tests against wireguard-go use network namespaces and /dev/net/tun, which need root: sudo npm test",
    );
    console.error("Everything that needs no privileges and no outside program: npm run test:fast");
    if (missing.length === 0) process.exit(1);
    console.error(
      `Missing programs; install them first: sudo apt-get install --no-install-recommends ${missing.join(" ")}`,
    );
    process.exit(1);
  }
  if (missing.length === 0) return;
  if (missing.includes("crowdsec")) keepCrowdsecOffline();
  aptInstall(missing);
}

/** Its package registers the machine at CrowdSec's central service, unless there is a file that says otherwise. */
function keepCrowdsecOffline() {
  const file = "/etc/crowdsec/online_api_credentials.yaml";
  if (existsSync(file)) return;
  mkdirSync("/etc/crowdsec", { recursive: true });
  writeFileSync(file, "# Not registered: this machine only runs tests.\n");
}

function aptInstall(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["update", "-qq"], { env, stdio: "inherit" });
  execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], {
    env,
    stdio: "inherit",
  });
}

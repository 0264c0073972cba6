import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

interface Compose {
  services: Record<
    string,
    {
      environment?: Record<string, string>;
      build?: { dockerfile: string };
      labels?: string[];
      volumes?: string[];
    }
  >;
  volumes: Record<string, unknown>;
}

const compose = parse(read("docker-compose.yml")) as Compose;

/** Variables that a Dockerfile sets, and those of its compose service. */
function variablesOf(service: string): string[] {
  const dockerfile = read(`${service}/Dockerfile`);
  const built = [...dockerfile.matchAll(/^ENV (.*)$/gm)].flatMap((match) =>
    match[1]!.split(" ").map((pair) => pair.split("=")[0]!),
  );
  return [...built, ...Object.keys(compose.services[service]?.environment ?? {})];
}

suite("docker-compose.yml and the Dockerfiles", () => {
  for (const service of ["server", "proxy", "agent"]) {
    test(`${service}: every variable is one that its config.ts reads`, () => {
      const config = read(`${service}/src/config.ts`);
      const unknown = variablesOf(service).filter((name) => !config.includes(name));
      assert.deepEqual(unknown, []);
    });

    test(`${service}: the image starts the program that the tests start`, () => {
      assert.match(read(`${service}/Dockerfile`), new RegExp(`ENTRYPOINT .*"/app/${service}/dist/main.js"`));
      assert.match(read("scripts/stack/programs.ts"), /join\(repository, name, "dist", "main.js"\)/);
    });

    test(`${service}: the image copies the manifest of every workspace, or npm install fails in it`, () => {
      const { workspaces } = JSON.parse(read("package.json")) as { workspaces: string[] };
      const dockerfile = read(`${service}/Dockerfile`);
      for (const workspace of workspaces)
        assert.ok(dockerfile.includes(`COPY ${workspace}/package.json`), workspace);
    });
  }

  test("every named volume is declared, and every variable has an entry in .env.example", () => {
    const text = read("docker-compose.yml");
    for (const { volumes = [] } of Object.values(compose.services)) {
      for (const volume of volumes) {
        const name = volume.split(":")[0]!;
        if (!/^[./]/.test(name)) assert.ok(name in compose.volumes, name);
      }
    }
    const example = read(".env.example");
    const used = new Set([...text.matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map((match) => match[1]!));
    assert.ok(used.size > 3);
    for (const name of used) assert.match(example, new RegExp(`^${name}=`, "m"));
  });

  test("the proxy's TLS passes through Traefik untouched", () => {
    const labels = compose.services.proxy?.labels ?? [];
    assert.ok(labels.includes("traefik.tcp.routers.proxy.tls.passthrough=true"));
    assert.ok(labels.some((label) => /HostSNIRegexp/.test(label)));
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildOpenApiDocument } from "../../src/http/build-openapi-document.ts";

suite("the OpenAPI document", () => {
  let text = "";
  suiteSetup(async () => {
    const folder = mkdtempSync(join(tmpdir(), "openapi-"));
    text = await buildOpenApiDocument(join(folder, "empty.db"));
    rmSync(folder, { recursive: true });
  });

  test("docs/openapi.json is what the server answers with; `npm run generate` writes it", () => {
    const kept = readFileSync(fileURLToPath(new URL("../../../docs/openapi.json", import.meta.url)), "utf8");
    assert.ok(kept === text, "docs/openapi.json is stale: run `npm run generate`");
  });

  // biome-ignore lint/suspicious/noExplicitAny: a document of many shapes
  const operations = (): [string, any][] =>
    Object.entries(JSON.parse(text).paths).flatMap(([path, methods]) =>
      Object.entries(methods as object).map(([method, operation]): [string, unknown] => [
        `${method} ${path}`,
        operation,
      ]),
    );

  test("every operation has a summary, an id of its own, and the answers that it can give", () => {
    const shared = JSON.parse(text).components.responses;
    const ids = new Set<string>();
    for (const [name, operation] of operations()) {
      assert.match(operation.summary ?? "", /^[A-Z].+[a-z]$/, name);
      assert.ok(!ids.has(operation.operationId), name);
      ids.add(operation.operationId);
      const statuses = Object.keys(operation.responses);
      assert.ok(statuses.includes("422") && statuses.includes("500"), name);
      for (const [status, given] of Object.entries<{ $ref?: string; description: string; headers: object }>(
        operation.responses,
      )) {
        const answer = given.$ref ? shared[given.$ref.split("/").at(-1)!] : given;
        assert.match(status, /^\d{3}$/, name);
        assert.ok(answer.description, name);
        if (status !== "304") assert.ok("X-Request-Id" in answer.headers, name);
      }
    }
  });

  test("every write can be tried, and every object that can be read can be protected", () => {
    for (const [name, { parameters }] of operations()) {
      const names = parameters.map((parameter: { name: string }) => parameter.name);
      assert.equal(new Set(names).size, names.length, name);
      if (!name.startsWith("get ")) assert.ok(names.includes("dry_run"), name);
      if (/^(put|patch) .*\}$/.test(name)) assert.ok(names.includes("If-Match"), name);
    }
    const list = JSON.parse(text).paths["/api/reverse-proxies/services"].get.parameters;
    const names = list.map((parameter: { name: string }) => parameter.name);
    for (const name of ["limit", "cursor", "domain", "status", "cluster", "target_id"]) {
      assert.ok(names.includes(name), name);
    }
  });
});

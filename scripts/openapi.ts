// Writes docs/openapi.json, the description of the REST API that the server also answers with at /api/openapi.json.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildOpenApiDocument } from "../server/src/http/build-openapi-document.ts";

const folder = mkdtempSync(join(tmpdir(), "openapi-"));
try {
  const document = await buildOpenApiDocument(join(folder, "empty.db"));
  writeFileSync(join(import.meta.dirname, "../docs/openapi.json"), document);
} finally {
  rmSync(folder, { recursive: true });
}

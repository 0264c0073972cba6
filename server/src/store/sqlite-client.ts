import { createRequire } from "node:module";
import type knex from "knex";

const require = createRequire(import.meta.url);

/** Node-API 10 arrived with Node 22.14. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const hasNodeApi10 = major > 22 || (major === 22 && minor >= 14);

/**
 * knex's client for better-sqlite3, on the version of the driver that this Node can run.
 *
 * Version 13 is written for Node-API 10, which Node 20 lacks: it crashes there. Version 12 derives from
 * `node::ObjectWrap`, whose destructor aborts the process since Node 24.19 when the garbage collector runs outside of
 * JavaScript. docs/decisions/0005-two-sqlite-drivers.md has the story.
 */
export const sqliteClient: typeof knex.Client = class extends (require("knex/lib/dialects/better-sqlite3/index.js") as typeof knex.Client) {
  _driver(): unknown {
    return require(hasNodeApi10 ? "better-sqlite3-node-api" : "better-sqlite3");
  }
};

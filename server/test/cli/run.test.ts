import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/cli/run.ts";
import { hashToken, isWellFormedToken } from "../../src/domain/token.ts";
import { openKeyFile } from "../../src/secrets/key-file.ts";
import { verifySecret } from "../../src/secrets/password-hash.ts";
import { openStore } from "../../src/store/open.ts";
import { findPersonalAccessToken } from "../../src/store/personal-access-tokens.ts";
import { findProxyToken } from "../../src/store/proxy-tokens.ts";

suite("the command line", () => {
  let folder = "";
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "cli-"));
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  async function cli(...args: string[]) {
    let out = "";
    let err = "";
    const code = await run(
      args,
      { NB_SERVER_STATE_DIR: folder },
      { out: (text) => (out += text), err: (text) => (err += text) },
    );
    return { code, out, err };
  }

  async function withStore<T>(
    work: (db: Awaited<ReturnType<typeof openStore>>["db"]) => Promise<T>,
  ): Promise<T> {
    const store = await openStore({
      database: join(folder, "server.db"),
      encryptionKey: openKeyFile(join(folder, "encryption.key")),
    });
    try {
      return await work(store.db);
    } finally {
      await store.close();
    }
  }

  const owner = ["--email", "owner@example.com", "--name", "Owner", "--password", "correct horse"];

  test("setup prints the token alone on standard output, and says so when it is done already", async () => {
    const first = await cli("setup", ...owner, "--create-pat", "--pat-expire-in", "7");
    assert.equal(first.code, 0, first.err);
    const token = first.out.trim();
    assert.ok(isWellFormedToken(token, "nbp_"), first.out);
    const stored = await withStore((db) => findPersonalAccessToken(db, hashToken(token)));
    assert.equal(stored!.expiresAt - stored!.createdAt, 7 * 86_400_000);
    const again = await cli("setup", ...owner, "--create-pat");
    assert.deepEqual([again.code, again.out], [0, ""]);
    assert.match(again.err, /already/);
  });

  test("a forgotten password is replaced, and the new one is the only line on standard output", async () => {
    await cli("setup", ...owner);
    const made = await cli("user", "reset-password", "Owner@example.com");
    assert.equal(made.code, 0, made.err);
    const password = made.out.trim();
    const [user] = await withStore((db) => db("users"));
    assert.ok(await verifySecret(user.password_hash, password));
    assert.ok(user.signed_out_at > 0);
    const unknown = await cli("user", "reset-password", "nobody@example.com");
    assert.deepEqual([unknown.code, unknown.out], [1, ""]);
    assert.match(unknown.err, /user.not_found: .*nobody@example.com/);
    assert.equal((await cli("user", "reset-password")).code, 2);
    const file = join(folder, "password");
    writeFileSync(file, "weak\n");
    assert.match(
      (await cli("user", "reset-password", "owner@example.com", "--password-file", file)).err,
      /needs at least 8/,
    );
  });

  test("the password may come from a file", async () => {
    const file = join(folder, "password");
    writeFileSync(file, "correct horse\n");
    const made = await cli("setup", ...owner.slice(0, 4), "--password-file", file, "--json");
    assert.equal(made.code, 0, made.err);
    assert.equal(JSON.parse(made.out).email, "owner@example.com");
  });

  test("a password file that cannot be read is named, without a stack trace", async () => {
    const file = join(folder, "missing");
    const { code, err } = await cli("setup", ...owner.slice(0, 4), "--password-file", file);
    assert.equal(code, 2);
    assert.match(err, /^--password-file cannot be read: ENOENT/);
    assert.ok(err.includes(file));
    assert.doesNotMatch(err, /^\s+at /m);
  });

  test("the encryption key is made once and readable by its owner only", async () => {
    await cli("token", "list");
    const file = join(folder, "encryption.key");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const key = openKeyFile(file).keys();
    await cli("token", "list");
    assert.deepEqual(openKeyFile(file).keys(), key);
  });

  test("global proxy tokens are made, listed and revoked", async () => {
    const made = await cli("token", "create", "--name", "edge", "--expires-in", "30d");
    const token = made.out.trim();
    assert.ok(isWellFormedToken(token, "nbx_"), made.out);
    const stored = await withStore((db) => findProxyToken(db, hashToken(token)));
    assert.equal(stored!.accountId, null);
    assert.equal(stored!.expiresAt! - stored!.createdAt, 30 * 86_400_000);
    assert.match((await cli("token", "list")).out, new RegExp(`^${stored!.id}  edge`));
    const json = JSON.parse((await cli("token", "create", "--name", "two", "--json")).out);
    assert.ok(isWellFormedToken(json.plain_token, "nbx_"));
    assert.equal((await cli("token", "revoke", stored!.id)).code, 0);
    const listed = JSON.parse((await cli("token", "list", "--json")).out);
    assert.deepEqual(
      listed.map(({ name, revoked }: { name: string; revoked: boolean }) => [name, revoked]),
      [
        ["edge", true],
        ["two", false],
      ],
    );
    const unknown = await cli("token", "revoke", "nothing");
    assert.equal(unknown.code, 1);
    assert.match(unknown.err, /proxy_token\.not_found/);
  });

  test("wrong use is 2 and shows how to use it", async () => {
    for (const args of [
      ["frobnicate"],
      ["token"],
      ["token", "create"],
      ["setup"],
      ["token", "list", "--nope"],
    ]) {
      const { code, err } = await cli(...args);
      assert.equal(code, 2, args.join(" "));
      assert.match(err, /usage:/);
    }
    assert.equal((await cli("token", "create", "--name", "x", "--expires-in", "soon")).code, 2);
    assert.equal((await cli("help")).code, 0);
  });

  test("a database that is none ends with code, file and hint", async () => {
    writeFileSync(join(folder, "server.db"), "no database".repeat(200));
    const { code, err, out } = await cli("setup", ...owner);
    assert.deepEqual([code, out], [1, ""]);
    assert.match(err, /^storage\.unreadable: .*server\.db/);
    assert.match(err, /backup/);
  });

  test("a bad variable is named", async () => {
    let err = "";
    const code = await run(
      ["serve"],
      { NB_SERVER_ADDRESS: "x" },
      { out: () => {}, err: (text) => (err += text) },
    );
    assert.equal(code, 2);
    assert.match(err, /NB_SERVER_ADDRESS/);
  });
});

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../src/cli/run.ts";
import { rotateKey } from "../../src/commands/encryption-keys.ts";
import { DEFAULT_PORT_RANGE } from "../../src/domain/listen-port.ts";
import { openKeyFile } from "../../src/secrets/key-file.ts";
import { parseKeys } from "../../src/secrets/key-text.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { KEYRING_GONE_MS, saveServerKeyring } from "../../src/store/server-keyrings.ts";
import { makeDatabase, type TestDatabase } from "../support/database.ts";
import { sealedV1 } from "../support/sealed-v1.ts";

interface Said {
  code: number;
  out: string;
  err: string;
}

suite("the keys of what is encrypted at rest", function () {
  this.timeout(60_000);
  let made: TestDatabase;
  let keyFile = "";
  setup(async () => {
    made = await makeDatabase();
    keyFile = join(made.folder, "encryption.key");
  });
  teardown(() => made.drop());

  async function cli(args: string, env: Record<string, string> = {}): Promise<Said> {
    let out = "";
    let err = "";
    const { NB_SERVER_ENCRYPTION_KEY: value } = env;
    const code = await run(
      args.split(" "),
      {
        NB_SERVER_STATE_DIR: made.folder,
        NB_SERVER_DATABASE: made.database,
        ...(value ? {} : { NB_SERVER_ENCRYPTION_KEY_FILE: keyFile }),
        ...env,
      },
      { out: (text) => (out += text), err: (text) => (err += text) },
    );
    return { code, out, err };
  }
  async function done(args: string, env?: Record<string, string>): Promise<Said> {
    const said = await cli(args, env);
    assert.equal(said.code, 0, said.err);
    return said;
  }
  async function refused(args: string, pattern: RegExp, env?: Record<string, string>): Promise<void> {
    const { code, err } = await cli(args, env);
    assert.equal(code, 1, err);
    assert.match(err, pattern);
    assert.doesNotMatch(err, /^\s+at /m);
  }
  async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const store = await openStore({ database: made.database, encryptionKey: openKeyFile(keyFile) });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }
  const idsInFile = (file = keyFile) => parseKeys(readFileSync(file, "utf8"), file).map(({ id }) => id);

  const DIRECTORIES = 250;
  /** More rows than fit on a page, in a table that needs no others. */
  async function fill(): Promise<void> {
    await withStore(async ({ db, secrets }) => {
      const rows = Array.from({ length: DIRECTORIES }, (_, n) => ({
        cluster: `c${n % 7}`,
        directory_url: `https://ca.test/${n}`,
        sealed_key: secrets.seal(`key ${n}`, "acme account key"),
      }));
      await db.batchInsert("acme_accounts", rows, 100);
    });
  }
  async function assertReadable(): Promise<void> {
    await withStore(async ({ db, secrets }) => {
      const rows = await db("acme_accounts");
      assert.equal(rows.length, DIRECTORIES);
      for (const { directory_url, sealed_key } of rows) {
        const n = directory_url.split("/").at(-1);
        assert.equal(secrets.open(sealed_key, "acme account key"), `key ${n}`);
      }
    });
  }
  interface Status {
    keys: { id: string; role: string; rows: Record<string, number> }[];
    unreadable: Record<string, number>;
    servers: { label: string }[];
  }
  const status = async (): Promise<Status> => JSON.parse((await cli("key status --json")).out);

  test("a rotation seals every row with a new key, and the old one can go", async () => {
    await fill();
    const [old] = idsInFile();
    const { err } = await done("key rotate");
    const [current, ...rest] = idsInFile();
    assert.deepEqual(rest, [old]);
    assert.notEqual(current, old);
    assert.equal(statSync(keyFile).mode & 0o777, 0o600);
    assert.ok(err.includes(`made key ${current}`), err);
    assert.match(err, /acme_accounts: 250 rows sealed anew/);
    assert.match(err, /complete: 250 rows/);
    assert.deepEqual((await status()).keys, [
      { id: current, role: "current", rows: { server_state: 1, acme_accounts: DIRECTORIES } },
      { id: old, role: "replaced", rows: {} },
    ]);
    assert.match((await done("key prune")).err, new RegExp(`Removed ${old}`));
    assert.deepEqual(idsInFile(), [current]);
    await assertReadable();
    assert.match((await done("key prune")).err, /No key to remove/);
    // And again.
    await done("key rotate");
    assert.notEqual(idsInFile()[0], current);
    await assertReadable();
  });

  test("a key that was added waits until the rotation, and is not added twice", async () => {
    await fill();
    const [old] = idsInFile();
    const { err } = await done("key add");
    const [first, next] = idsInFile();
    assert.equal(first, old);
    assert.ok(err.includes(`Key ${next} was made`), err);
    assert.match(err, /Copy .*encryption\.key to every other server/);
    assert.match((await done("key add")).err, new RegExp(`Key ${next} waits already`));
    assert.equal(idsInFile().length, 2);
    assert.deepEqual(
      (await status()).keys.map(({ id, role }) => [id, role]),
      [
        [old, "current"],
        [next, "next"],
      ],
    );
    // It was not replaced, so it stays; by name it goes.
    assert.match((await done("key prune")).err, /No key to remove/);
    assert.match((await done("key rotate")).err, new RegExp(`key ${next} becomes the current one`));
    assert.deepEqual(idsInFile(), [next, old]);
    await done("key add");
    const third = idsInFile()[2]!;
    assert.match((await done(`key prune ${third}`)).err, new RegExp(`Removed ${third}`));
    assert.deepEqual(idsInFile(), [next, old]);
    await assertReadable();
  });

  test("a rotation by hand, with a file that no command can change, is finished by the command", async () => {
    await fill();
    const old = readFileSync(keyFile, "utf8").trim();
    const [oldId] = idsInFile();
    const fresh = randomBytes(32).toString("base64");
    const both = { NB_SERVER_ENCRYPTION_KEY: `${fresh},${old}` };
    await refused("key rotate", /key\.not_in_file: .*NB_SERVER_ENCRYPTION_KEY.*\n.*in front/, {
      NB_SERVER_ENCRYPTION_KEY: old,
    });
    await refused("key add", /key\.not_in_file/, { NB_SERVER_ENCRYPTION_KEY: old });
    await refused("key prune", new RegExp(`key\\.in_use: rows are still sealed with key ${oldId}`), both);
    assert.match((await done("key rotate", both)).err, /going on with the rotation/);
    await done("key status", { NB_SERVER_ENCRYPTION_KEY: fresh });
    // The old key alone is refused at once.
    await refused("key status", /storage\.unreadable: .*the database needs [0-9a-f]{12}/);
    writeFileSync(keyFile, `${fresh}\n`);
    await assertReadable();
  });

  test("nothing is removed while rows need it", async () => {
    await fill();
    await done("key rotate");
    const [current, old] = idsInFile();
    await refused(`key prune ${current}`, /key\.in_use: .* is the current key\n.*key rotate/);
    await refused("key prune 0123456789ab", /key\.not_found: .*0123456789ab\n.*key status/);
    // As a server would that has not noticed.
    await withStore(async ({ db, keyring }) => {
      const [, oldKey] = keyring.keys();
      await db("acme_accounts")
        .where({ directory_url: "https://ca.test/7" })
        .update({ sealed_key: sealedV1(oldKey!.bytes, "key 7", "acme account key") });
    });
    const before = readFileSync(keyFile, "utf8");
    await refused("key prune", new RegExp(`key\\.in_use: .*${old}: 1 in acme_accounts\n.*key rotate`));
    assert.equal(readFileSync(keyFile, "utf8"), before);
    await done("key rotate");
    assert.equal(idsInFile()[0], current, "an unfinished rotation must not make another key");
    await done("key prune");
    await assertReadable();
  });

  test("a database of the version without key ids is read, rotated and pruned", async () => {
    await fill();
    await withStore(async ({ db, keyring, secrets }) => {
      const { bytes } = keyring.current();
      for (const { cluster, directory_url, sealed_key } of await db("acme_accounts")) {
        const text = secrets.open(sealed_key, "acme account key");
        await db("acme_accounts")
          .where({ cluster, directory_url })
          .update({ sealed_key: sealedV1(bytes, text, "acme account key") });
      }
      const value = sealedV1(bytes, "key check", "server.key_check");
      await db("server_state").where({ key: "key_check" }).update({ value });
    });
    await assertReadable();
    const [old] = idsInFile();
    assert.deepEqual((await status()).keys[0]!.rows, { server_state: 1, acme_accounts: DIRECTORIES });
    await done("key rotate");
    assert.notEqual(idsInFile()[0], old);
    await done("key prune");
    await assertReadable();
    // Another key is still refused as it was.
    writeFileSync(keyFile, `${randomBytes(32).toString("base64")}\n`);
    await refused("key status", /storage\.unreadable: the encryption key does not belong to/);
  });

  test("rows that nobody can read are named, and do not keep the others from being sealed anew", async () => {
    await fill();
    await withStore(({ db }) =>
      db("acme_accounts")
        .where({ directory_url: "https://ca.test/3" })
        .update({ sealed_key: "v2.aaaaaaaaaaaa.AAAA" }),
    );
    await withStore(({ db }) =>
      db("acme_accounts")
        .where({ directory_url: "https://ca.test/4" })
        .update({ sealed_key: sealedV1(randomBytes(32), "lost", "acme account key") }),
    );
    const shown = await cli("key status");
    assert.equal(shown.code, 1);
    assert.match(shown.out, /aaaaaaaaaaaa {2}missing {3}acme_accounts 1/);
    assert.match(shown.err, /key\.missing: rows need aaaaaaaaaaaa/);
    const pattern =
      /key\.values_unreadable: .* 2 cannot be read: .*acme_accounts c3 https:\/\/ca\.test\/3 \(.*aaaaaaaaaaaa.*\n.*run the command again/;
    // They are an end that is not reached: the same key again, not a new one each time.
    writeFileSync(keyFile, `${randomBytes(32).toString("base64")}\n${readFileSync(keyFile, "utf8")}`);
    await refused("key rotate", pattern);
    const [current] = idsInFile();
    await refused("key rotate", pattern);
    assert.equal(idsInFile()[0], current);
    assert.deepEqual((await status()).keys[0], {
      id: current,
      role: "current",
      rows: { server_state: 1, acme_accounts: DIRECTORIES - 2 },
    });
    await withStore(({ db }) =>
      db("acme_accounts").whereIn("directory_url", ["https://ca.test/3", "https://ca.test/4"]).delete(),
    );
    await done("key rotate");
  });

  /** What the command does, without the time that it gives to servers. */
  const rotate = () =>
    withStore((store) =>
      rotateKey({
        context: {
          store,
          nowMs: () => Date.now(),
          random: () => 0,
          portRange: DEFAULT_PORT_RANGE,
          auditEventsEnabled: true,
        },
        keyFile,
        say() {},
        async sleep() {},
      }),
    );

  test("nothing is sealed with a key that a running server does not have", async () => {
    await fill();
    const [old] = idsInFile();
    const report = (change: { knownKeys?: string[]; currentKey?: string; seenAt?: number }) =>
      withStore(({ db }) =>
        saveServerKeyring(db, {
          serverId: "other",
          label: "db2 10.0.0.2:33073 (process 7)",
          currentKey: old!,
          knownKeys: [old!],
          seenAt: Date.now(),
          ...change,
        }),
      );
    await report({});
    await assert.rejects(rotate(), {
      code: "key.unknown_to_server",
      message: /server db2 10\.0\.0\.2.* no key [0-9a-f]{12}/,
      hint: /Copy the key file/,
    });
    assert.equal(idsInFile()[0], old, "the key was made current");
    assert.deepEqual((await status()).keys[0]!.rows, { server_state: 1, acme_accounts: DIRECTORIES });
    const [, next] = idsInFile();
    // It has the file now, and does not answer any more.
    await report({ knownKeys: [old!, next!] });
    await assert.rejects(rotate(), {
      code: "key.in_use",
      message: /server db2 .*still seals with another key than/,
    });
    await report({ knownKeys: [old!, next!] });
    await refused("key prune", new RegExp(`key\\.in_use: server db2 .* still seals with key ${old}`));
    await report({ seenAt: Date.now() - KEYRING_GONE_MS - 1 });
    await done("key prune");
    assert.deepEqual(idsInFile(), [next]);
    await assertReadable();
  });

  test("wrong use is 2 and shows how to use it", async () => {
    for (const args of ["key", "key turn", "key add now", "key rotate --json", "key status --nope"]) {
      const { code, err } = await cli(args);
      assert.equal(code, 2, args);
      assert.match(err, /usage:/);
    }
    const { code, err } = await cli("key status", { NB_SERVER_ENCRYPTION_KEY: "AAAA, BBBB" });
    assert.equal(code, 2);
    assert.match(err, /NB_SERVER_ENCRYPTION_KEY: not 32 bytes in base64/);
    writeFileSync(keyFile, "# nothing\n");
    await refused("key status", /storage\.unreadable: .*encryption\.key cannot be used/);
  });

  test("a file that cannot be replaced changes nothing", async () => {
    await fill();
    // The name of the new file is taken by something that is no file, which even root cannot write.
    mkdirSync(join(`${keyFile}.new`, "x"), { recursive: true });
    const before = readFileSync(keyFile, "utf8");
    await refused("key rotate", /key\.file_unwritable: .*encryption\.key cannot be replaced/);
    assert.equal(readFileSync(keyFile, "utf8"), before);
    await assertReadable();
  });

  suite("with a backup", () => {
    const file = () => join(made.folder, "backup.jsonl");
    async function restoreElsewhere(keys: string): Promise<Said> {
      const original = made;
      const other = await makeDatabase();
      try {
        writeFileSync(keyFile, keys);
        made = other;
        const said = await cli(`restore ${join(original.folder, "backup.jsonl")}`);
        if (said.code === 0) await assertReadable();
        return said;
      } finally {
        made = original;
        await other.drop();
      }
    }

    test("from before the rotation: the old key has to be in the file", async () => {
      await fill();
      const oldKey = readFileSync(keyFile, "utf8");
      const [old] = idsInFile();
      await done(`backup ${file()}`);
      await done("key rotate");
      await done("key prune");
      const newKey = readFileSync(keyFile, "utf8");
      const { code, err } = await restoreElsewhere(newKey);
      assert.equal(code, 1);
      assert.match(err, new RegExp(`backup\\.unusable: .*another key \\(${old}; .*\n.*add its line`));
      assert.equal((await restoreElsewhere(newKey + oldKey)).code, 0);
    });

    test("from the middle of one: it needs both keys, and the rotation goes on after it is restored", async () => {
      await fill();
      const oldKey = readFileSync(keyFile, "utf8");
      await done("key rotate");
      await withStore(async ({ db, keyring }) => {
        const [, old] = keyring.keys();
        await db("acme_accounts")
          .where({ directory_url: "https://ca.test/7" })
          .update({ sealed_key: sealedV1(old!.bytes, "key 7", "acme account key") });
      });
      await done(`backup ${file()}`);
      const both = readFileSync(keyFile, "utf8");
      const newKey = both.slice(0, both.indexOf("\n") + 1);
      for (const lacking of [newKey, oldKey]) {
        const { code, err } = await restoreElsewhere(lacking);
        assert.equal(code, 1);
        assert.match(err, /backup\.unusable: .*another key/);
      }
      assert.equal((await restoreElsewhere(both)).code, 0);
      await done(`restore --force ${file()}`);
      await refused("key prune", /key\.in_use/);
      assert.match((await done("key rotate")).err, /going on/);
      await done("key prune");
      await assertReadable();
      copyFileSync(keyFile, `${keyFile}.saved`);
      rmSync(keyFile);
      // A server that lost its file makes one, and says that it is not the one that is needed.
      await refused("key status", /storage\.unreadable: .*the database needs [0-9a-f]{12}\n.*key file back/);
    });
  });
});

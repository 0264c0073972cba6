import assert from "node:assert/strict";
import { engine } from "../support/database.ts";
import { Random } from "../support/random.ts";
import { type WriteRoute, writeRoutes } from "../support/request-bodies.ts";
import { contents, type RestServer, startRestServer } from "../support/rest-server.ts";

// "real" only because it takes a minute. What a body does before it reaches the database is the same on both engines.
const BODIES = engine === "sqlite" ? 100_000 : 5_000;
/** So many between two looks at all rows. */
const ROUND = 5_000;

const junk: unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1e308,
  -1e308,
  0.5,
  2 ** 53,
  65_536,
  4_294_967_296,
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "é".normalize("NFD"),
  "x".repeat(300),
  "x".repeat(70_000),
  "../../etc/passwd",
  "'; drop table services; --",
  "@{net.id}",
  "%00",
  "9999999999h",
  "*.example.com",
  "-1/33",
  "::/129",
  [],
  [[]],
  [null],
  [{}],
  ["x", "x"],
  {},
  { id: {} },
  { toString: 1, constructor: 2 },
];

suite(`${BODIES.toLocaleString("en")} malformed bodies (${engine})`, function () {
  this.timeout(600_000);
  let server: RestServer;
  let routes: WriteRoute[];
  suiteSetup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    routes = await writeRoutes(server);
  });
  suiteTeardown(() => server.close());

  /** Text that no JSON parser accepts. */
  function broken(random: Random, text: string): string | Buffer {
    switch (random.below(6)) {
      case 0:
        return text.slice(0, 1 + random.below(text.length - 1));
      case 1:
        return `${text}${random.pick(["}", "]", ",", "{}", "\u0000", "x"])}`;
      case 2:
        return `${random.pick(["[", '{"a":', "[1,", '"'])}${text}`;
      case 3:
        return Buffer.concat([Buffer.from([0xff, 0xfe, random.below(256)]), Buffer.from(text)]);
      case 4:
        return "[".repeat(1 + random.below(50_000));
      default:
        return text.replace(/:/, random.pick(["=", ";", "::", ""]));
    }
  }

  /** The body with something in it that is not what it should be; by chance it may still be one that is accepted. */
  function spoiled(random: Random, body: unknown): string {
    const copy = structuredClone(body) as Record<string, unknown>;
    for (let n = 1 + random.below(3); n > 0; n -= 1) {
      let at: Record<string, unknown> = copy;
      for (;;) {
        const keys = Object.keys(at);
        if (keys.length === 0) break;
        const key = random.pick(keys);
        const value = at[key];
        if (value !== null && typeof value === "object" && random.chance(0.7)) {
          at = value as Record<string, unknown>;
          continue;
        }
        const kind = random.next();
        if (kind < 0.2) delete at[key];
        else if (kind < 0.35) at[random.pick(["constructor", "ID", key.toUpperCase()])] = value;
        // Copied: a later step may go on inside of it.
        else at[key] = structuredClone(random.pick(junk));
        break;
      }
    }
    const text = JSON.stringify(random.chance(0.05) ? random.pick(junk) : copy);
    // JSON.stringify leaves a member of this name out.
    if (random.chance(0.05)) return text.replace("{", '{"__proto__":{"polluted":true},');
    return random.chance(0.05) ? text.replace("{", '{"name":1,"name":"twice",') : text;
  }

  test("give no 500, say in our own shape what is wrong, and change no row", async () => {
    const seed = Date.now() % 2 ** 32;
    const random = new Random(seed);
    const counts = new Map<number, number>();
    const before = await contents(server.store);
    for (let n = 0; n < BODIES; n += 1) {
      const { method, path, body } = random.pick(routes);
      const isBroken = random.chance(0.7);
      const payload = isBroken ? broken(random, JSON.stringify(body)) : spoiled(random, body);
      const response = await server.app.inject({
        method,
        // What may be accepted by chance is not carried out.
        url: `/api${path}${isBroken ? "" : "?dry_run=true"}`,
        headers: { authorization: `Token ${server.token}`, "content-type": "application/json" },
        payload,
      });
      const { statusCode } = response;
      counts.set(statusCode, (counts.get(statusCode) ?? 0) + 1);
      const words = () =>
        `seed ${seed}, body ${n}: ${method} ${path} ${statusCode}\n${String(payload).slice(0, 2_000)}\n${response.body.slice(0, 500)}`;
      assert.ok(statusCode < 500, words());
      if (isBroken) assert.equal(statusCode, 400, words());
      if (statusCode !== 200) {
        const { code, error } = JSON.parse(response.body);
        assert.equal(code, statusCode, words());
        assert.ok(error.code.includes(".") && error.hint !== "", words());
      }
      if (n % ROUND === ROUND - 1) assert.deepEqual(await contents(server.store), before, words());
    }
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    // Not all for the same reason, or the bodies never got anywhere.
    assert.ok((counts.get(422) ?? 0) > BODIES / 50, JSON.stringify([...counts]));
  });
});

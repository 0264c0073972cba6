import assert from "node:assert/strict";
import type { TSchema } from "typebox";
import {
  type Answer,
  assertConforms,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "./rest-server.ts";

// biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes, wrong ones too
type Body = Record<string, any>;

/** As a value of a request: the key is not sent. As a value of an answer: the key is not there. */
export const ABSENT = Symbol("absent");

/** As a value of an answer: this and no other key. */
export function exactly(value: unknown): Exactly {
  return new Exactly(value);
}

class Exactly {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

type FieldType = "string" | "boolean" | "integer" | "strings" | "object" | "objects";

/** What one object of the API takes and shows. Strings such as `$group` stand for the ids in {@link makeWorld}. */
export interface FieldTable {
  object: string;
  /** Of the REST reference. */
  section: string;
  /** Of the collection; undefined where nothing can be made. */
  collection: string;
  /** Valid bodies that the rows change. Without one, the object has no such verb. */
  post?: Body;
  put?: Body;
  /** Where PUT goes when nothing is made for it. */
  fixed?: string;
  fields: { post?: Record<string, FieldType>; put?: Record<string, FieldType> };
  /** The object in the answer to POST. */
  unwrap?: (answer: Body) => Body;
  /** Fields that only the answer to POST has in this form. */
  shownOnce?: string[];
  answer: TSchema;
  /** Sent with PUT before DELETE, where an object that holds others is not deleted. */
  emptied?: Body;
  /** There is no GET by id; the object is in the list. */
  listOnly?: boolean;
  /** Adds to {@link makeWorld} what only this object needs. */
  prepare?: (server: RestServer, world: Record<string, string>) => Promise<Record<string, string>>;
  /** What GET gives where it differs from the answer to a write. */
  asRead?: (shown: Body) => Body;
  /** Status of DELETE; 200 when undefined. */
  deleted?: number;
  rows: FieldRow[];
}

export interface FieldRow {
  field: string;
  why: string;
  /** Both when undefined. */
  on?: "POST" | "PUT";
  /** What differs from the valid body. */
  send: Body;
  /** What the answer shows, by key; keys that are not named are not looked at. */
  gives?: Body;
  refused?: { status: number; code: string; path: string };
}

export function accepts(field: string, why: string, send: Body, gives: Body, on?: "POST" | "PUT"): FieldRow {
  return { field, why, send, gives, on };
}

export function refuses(
  field: string,
  why: string,
  send: Body,
  [status, code, path = field]: [number, string, string?],
  on?: "POST" | "PUT",
): FieldRow {
  return { field, why, send, refused: { status, code, path }, on };
}

/** JSON types that a field does not have, with the place that the refusal points at. */
const wrongTypes: Record<FieldType, [unknown, string][]> = {
  string: [1, true, {}, []].map((value) => [value, ""]),
  boolean: ["true", 1, {}, []].map((value) => [value, ""]),
  integer: ["1", 1.5, true, {}, []].map((value) => [value, ""]),
  strings: [
    ["one", ""],
    [1, ""],
    [{}, ""],
    [[1], "[0]"],
    [[["nested"]], "[0]"],
  ],
  object: ["one", 1, true, []].map((value) => [value, ""]),
  objects: [
    ["one", ""],
    [1, ""],
    [{}, ""],
    [["one"], "[0]"],
  ],
};

/** Runs every row for every verb it is about, and what holds for every field: its type, and null as "not sent". */
export function checkFieldTable(table: FieldTable): void {
  suite(`fields of ${table.object} (${table.section})`, () => {
    let server: RestServer;
    let world: Record<string, string>;
    suiteSetup(async () => {
      server = await startRestServer();
      await server.setUp();
      world = await makeWorld(server);
      world = { ...world, ...(await table.prepare?.(server, world)) };
    });
    suiteTeardown(() => server.close());

    const verbs = (["POST", "PUT"] as const).filter((verb) => baseOf(table, verb));
    for (const verb of verbs) {
      for (const row of table.rows) {
        if (row.on && row.on !== verb) continue;
        const { field, why, send, gives, refused } = row;
        test(`${verb} ${field}: ${why}`, async () => {
          const run = await prepare(verb);
          const before = await contents(server.store);
          const answer = await run.send(send);
          try {
            if (refused) {
              assertRefused(answer, fill(refused, world));
              assert.deepEqual(await contents(server.store), before, "a refused request changed something");
            } else {
              assert.equal(answer.status, 200, answer.text);
              const shown = unwrapped(verb, answer.body);
              assertConforms(table.answer, shown);
              assertShows(shown, fill(gives!, world));
              await assertReadsBack(shown, verb);
            }
          } finally {
            // Or the rows after one that fails would find what it made.
            if (verb === "POST" && answer.status === 200) await remove(unwrapped(verb, answer.body).id);
            await run.end();
          }
        });
      }

      for (const [field, type] of Object.entries(table.fields[lower(verb)] ?? {})) {
        test(`${verb} ${field}: is of type ${type}, and null is the same as not sent`, async () => {
          const run = await prepare(verb);
          const before = await contents(server.store);
          for (const [value, at] of wrongTypes[type]) {
            const answer = await run.send(nested(field, value));
            assertRefused(answer, { status: 400, code: "request.malformed", path: `${field}${at}` });
          }
          assert.deepEqual(await contents(server.store), before, "a refused request changed something");
          const [none, absent] = [
            await run.send(nested(field, null), true),
            await run.send(nested(field, ABSENT), true),
          ];
          assert.equal(none.status, absent.status, `${none.text}${absent.text}`);
          if (none.status === 200) assert.deepEqual(anonymous(none.body), anonymous(absent.body));
          else assert.deepEqual(refusal(none), refusal(absent));
          await run.end();
        });
      }
    }

    test("keys that it does not know are ignored", async () => {
      for (const verb of verbs) {
        const run = await prepare(verb);
        const answer = await run.send({ no_such_field: { deep: [1] } });
        assert.equal(answer.status, 200, answer.text);
        const shown = unwrapped(verb, answer.body);
        assert.ok(!("no_such_field" in shown));
        if (verb === "POST") await remove(shown.id);
        await run.end();
      }
    });

    interface Run {
      /** @param dry sends it as a dry run */
      send(change: Body, dry?: boolean): Promise<Answer>;
      end(): Promise<void>;
    }

    async function prepare(verb: "POST" | "PUT"): Promise<Run> {
      const base = fill(baseOf(table, verb)!, world);
      const collection = fill(table.collection, world);
      const sendTo =
        (path: string) =>
        (change: Body, dry = false) =>
          server.call(verb, `${path}${dry ? "?dry_run=true" : ""}`, withChanges(base, fill(change, world)));
      if (verb === "POST") return { send: sendTo(collection), end: async () => {} };
      if (table.fixed) return { send: sendTo(fill(table.fixed, world)), end: async () => {} };
      const made = await server.call("POST", collection, fill(table.post!, world));
      assert.equal(made.status, 200, made.text);
      const { id } = unwrapped("POST", made.body);
      return { send: sendTo(`${collection}/${id}`), end: async () => remove(id) };
    }

    function unwrapped(verb: "POST" | "PUT", body: Body): Body {
      return verb === "POST" && table.unwrap ? table.unwrap(body) : body;
    }

    async function read(id: string): Promise<Body | undefined> {
      const collection = fill(table.collection, world);
      if (!table.listOnly) return (await server.call("GET", `${collection}/${id}`)).body;
      return (await server.call("GET", collection)).body.find((one: Body) => one.id === id);
    }

    async function assertReadsBack(shown: Body, verb: "POST" | "PUT"): Promise<void> {
      const once = verb === "POST" ? (table.shownOnce ?? []) : [];
      const without = (body: Body) =>
        Object.fromEntries(Object.entries(body).filter(([key]) => !once.includes(key)));
      const asRead = table.asRead?.(shown) ?? shown;
      assert.deepEqual(without((await read(shown.id))!), without(asRead));
    }

    async function remove(id: string): Promise<void> {
      if (table.fixed) return;
      const path = `${fill(table.collection, world)}/${id}`;
      if (table.emptied) await server.call("PUT", path, table.emptied);
      const { status, text } = await server.call("DELETE", path);
      assert.equal(status, table.deleted ?? 200, text);
    }
  });
}

function baseOf(table: FieldTable, verb: "POST" | "PUT"): Body | undefined {
  return table[lower(verb)];
}

function lower(verb: "POST" | "PUT"): "post" | "put" {
  return verb === "POST" ? "post" : "put";
}

function assertRefused(answer: Answer, expected: unknown): void {
  assert.deepEqual(refusal(answer), expected, answer.text);
  assert.equal(answer.body.code, answer.status);
  assert.ok(answer.body.message.length > 0);
  assert.equal(typeof answer.body.error.hint, "string");
}

function assertShows(shown: Body, gives: Body): void {
  for (const [key, expected] of Object.entries(gives)) {
    if (expected instanceof Exactly) assert.deepEqual(shown[key], expected.value, key);
    else if (expected === ABSENT)
      assert.ok(!(key in shown), `${key} is there: ${JSON.stringify(shown[key])}`);
    else if (isObject(expected) && isObject(shown[key])) assertShows(shown[key], expected);
    else if (Array.isArray(expected) && expected.every(isObject) && Array.isArray(shown[key])) {
      assert.equal(shown[key].length, expected.length, key);
      for (const [index, one] of expected.entries()) assertShows(shown[key][index], one);
    } else assert.deepEqual(shown[key], expected, key);
  }
}

function isObject(value: unknown): value is Body {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Exactly);
}

/** `a.b` and `a[0].b` as changes of a body. */
function nested(field: string, value: unknown): Body {
  const [first, ...rest] = field.split(".");
  if (rest.length === 0) return { [first!]: value };
  return { [first!]: nested(rest.join("."), value) };
}

/** Objects are merged, everything else replaced; `rules[0]` names a member of a list. */
function withChanges(base: Body, changes: Body): Body {
  const result: Body = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const member = /^(\w+)\[(\d+)\]$/.exec(key);
    if (member) {
      const list = [...result[member[1]!]];
      list[Number(member[2])] = withChanges(list[Number(member[2])], value);
      result[member[1]!] = list;
    } else if (value === ABSENT) delete result[key];
    else if (isObject(value) && isObject(result[key])) {
      result[key] = withChanges(result[key], value);
    } else result[key] = value;
  }
  return result;
}

/** Without what differs between two runs of one request. */
export function anonymous(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value)
      .replace(/"[0-9a-v]{20}"/g, '"id"')
      .replace(/"[0-9a-f]{8}-[0-9a-f-]{27}"/gi, '"uuid"')
      .replace(/"(nbp|nbx|nbi)_\w+"/g, '"token"'),
  );
}

/** Puts the ids in the place of `$name`, in keys too. */
export function fill<T>(value: T, world: Record<string, string>): T {
  if (typeof value === "string") {
    return value.replace(/\$(\w+)/g, (whole, name: string) => world[name] ?? whole) as T;
  }
  if (Array.isArray(value)) return value.map((one) => fill(one, world)) as T;
  if (value instanceof Exactly) return new Exactly(fill(value.value, world)) as T;
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [fill(key, world), fill(one, world)]),
  ) as T;
}

/** One of everything that other objects name. */
export async function makeWorld(server: RestServer): Promise<Record<string, string>> {
  const make = async (path: string, body: Body): Promise<string> => {
    const { status, body: made, text } = await server.call("POST", path, body);
    assert.equal(status, 200, text);
    return made.id;
  };
  const network = await make("/networks", { name: "home" });
  const peer = await make("/peers", { name: "gate" });
  const { body: groups } = await server.call("GET", "/groups?name=All");
  const { body: owner } = await server.call("GET", "/users/current");
  return {
    account: server.account,
    network,
    network2: await make("/networks", { name: "away" }),
    peer,
    peer2: await make("/peers", { name: "shed" }),
    all: groups[0].id,
    group: await make("/groups", { name: "staff", peers: [peer] }),
    group2: await make("/groups", { name: "guests" }),
    resource: await make(`/networks/${network}/resources`, {
      name: "printer",
      address: "10.9.0.9",
      enabled: true,
      groups: [],
    }),
    robot: await make("/users", { name: "robot", role: "user", auto_groups: [], is_service_user: true }),
    owner: owner.id,
  };
}

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { management } from "@netbird-proxy/proto/grpc";
import { rawTls } from "../support/client.ts";
import { httpService, publicAuth, removed } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, publicKeyText, serviceKeys, sessionToken } from "../support/sessions.ts";

const REQUESTS = 100_000;
const CHANGES = 1_000;
const CONNECTIONS = 8;
const PIPELINED = 25;
const HOSTS = ["a", "b", "c", "d", "e", "f"].map((name) => `${name}.example.test`);

const otherKeys = generateKeyPairSync("ed25519");
const { UPDATE_TYPE_MODIFIED } = management.ProxyMappingUpdateType;

/** Numbers that the seed decides. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A target that counts its visitors by what they say of themselves. */
interface Target {
  readonly url: string;
  readonly visits: Map<string, number>;
  readonly server: Server;
}

async function startTarget(): Promise<Target> {
  const visits = new Map<string, number>();
  const server = createServer((request, response) => {
    const who = String(request.headers["x-who"]);
    visits.set(who, (visits.get(who) ?? 0) + 1);
    response.end("inside");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, visits, server };
}

// The reference takes the access rules away before the route (proxy-behaviour.md §21, number 1): whoever asked in the gap
// of a change got through.
suite("the gap of a configuration change", function () {
  this.timeout(120_000);
  let proxy: TestProxy;
  let closed: Target;
  let open: Target;
  suiteSetup(async () => {
    proxy = await startTestProxy();
    closed = await startTarget();
    open = await startTarget();
  });
  suiteTeardown(async () => {
    for (const { server } of [closed, open]) {
      server.closeAllConnections();
      server.close();
    }
    await proxy.close();
  });

  test(`weakness 1: lets nobody in: ${REQUESTS} requests during ${CHANGES} changes`, async () => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
    const random = randomNumbers(seed);
    const pick = <T>(from: readonly T[]): T => from[random(from.length)]!;
    const ids = HOSTS.map((_, i) => `s${i}`);

    /** One that guards the closed target, whatever else is odd about it, or one that is public and leads elsewhere. */
    const mapping = (id: string): management.ProxyMapping => {
      // Names move between services too.
      const domain = random(3) === 0 ? pick(HOSTS) : HOSTS[ids.indexOf(id)]!;
      const more = random(2) === 0 ? { type: UPDATE_TYPE_MODIFIED } : {};
      const targets = [{ target: closed.url }, { path: "/sub", target: closed.url }].slice(
        random(4) === 0 ? 1 : 0,
      );
      switch (random(10)) {
        case 0:
          return removed(id);
        case 1:
          return httpService(id, domain, open.url, { auth: publicAuth, ...more });
        case 2:
          return httpService(id, domain, targets, { auth: undefined, ...more });
        case 3:
          return httpService(id, domain, targets, { private: true, ...more });
        case 4: {
          const auth = authentication({
            password: true,
            sessionKey: publicKeyText(otherKeys.publicKey),
          });
          return httpService(id, domain, targets, { auth, ...more });
        }
        default: {
          const auth = authentication({
            password: true,
            pin: random(2) === 0,
            oidc: random(2) === 0,
            headerAuths: random(3) === 0 ? [{ header: "X-Key", hashedValue: "" }] : [],
            maxSessionAgeSeconds: BigInt(60 + random(1000)),
          });
          return httpService(id, domain, targets, { auth, passHostHeader: random(2) === 0, ...more });
        }
      }
    };

    const good = new Map<string, string>();
    const bad = new Map<string, string[]>();
    for (const host of HOSTS) {
      good.set(host, await sessionToken({ audience: host }));
      const outsider = generateKeyPairSync("ed25519").privateKey;
      bad.set(host, [
        await sessionToken({ audience: host, expiresIn: -1 }),
        await sessionToken({ audience: `x.${host}` }),
        await sessionToken({ audience: host, key: outsider }),
        await sessionToken({ audience: host, method: "magic", key: serviceKeys.privateKey }),
      ]);
    }

    let sent = 0;
    let changing = true;
    const statuses = new Map<string, number>();
    /** Several requests at once on one connection, so that some meet each change half-way. */
    const keepAsking = async (): Promise<void> => {
      const socket = await rawTls(proxy.port, proxy.ca, HOSTS[0]!);
      let answered = () => {};
      let waiting = 0;
      let text = "";
      let fail: (error: Error) => void = () => {};
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        const found = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)];
        for (const [, status = ""] of found) statuses.set(status, (statuses.get(status) ?? 0) + 1);
        const last = found.at(-1);
        if (last !== undefined) text = text.slice(last.index + last[0].length);
        waiting -= found.length;
        if (waiting === 0) answered();
      });
      socket.on("close", () => fail(new Error("the proxy closed the connection")));
      while (sent < REQUESTS || changing) {
        let batch = "";
        for (let i = 0; i < PIPELINED; i += 1) {
          const host = pick(HOSTS);
          const dice = random(10);
          const who = dice === 0 ? "guest" : "stranger";
          const token = who === "guest" ? good.get(host)! : pick(bad.get(host)!);
          const cookie = who === "guest" || dice > 6 ? `Cookie: nb_session=${token}\r\n` : "";
          const path = pick([
            "/",
            "/sub/x?error=access_denied",
            "/?session_token=x",
            "/.netbird/callback?code=x",
          ]);
          batch += `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Who: ${who}\r\n${cookie}\r\n`;
        }
        sent += PIPELINED;
        waiting = PIPELINED;
        await new Promise<void>((resolve, reject) => {
          answered = resolve;
          fail = reject;
          socket.write(batch, "latin1");
        });
      }
      fail = () => {};
      socket.destroy();
    };
    const keepChanging = async (): Promise<void> => {
      for (let i = 0; i < CHANGES; i += 1) {
        const batch = ids.filter(() => random(3) === 0).map(mapping);
        await proxy.management.apply(...(batch.length > 0 ? batch : [mapping(pick(ids))]));
        // As many requests as there are for each change.
        while (sent < (REQUESTS / CHANGES) * i) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      changing = false;
    };
    await Promise.all([keepChanging(), ...Array.from({ length: CONNECTIONS }, keepAsking)]);

    const report = `seed ${seed}, ${sent} requests: ${JSON.stringify([...statuses])}, the closed target saw ${JSON.stringify([...closed.visits])}`;
    assert.equal(closed.visits.get("stranger") ?? 0, 0, report);
    // It is not that nothing works.
    assert.ok(sent >= REQUESTS, report);
    assert.ok((closed.visits.get("guest") ?? 0) > CHANGES, report);
    assert.ok((open.visits.get("stranger") ?? 0) > CHANGES, report);
    for (const status of ["200", "401", "403", "404"]) assert.ok((statuses.get(status) ?? 0) > 100, report);
  });
});

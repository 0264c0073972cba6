import assert from "node:assert/strict";
import { guessing } from "../../proto/src/index.ts";
import { type Backend, startBackend } from "../../proxy/test/support/backend.ts";
import { http2Get, http2Session } from "../../proxy/test/support/client.ts";
import { testAuthority } from "../../proxy/test/support/proxy.ts";
import {
  CLUSTER,
  type ControlPlane,
  directTarget,
  startControlPlane,
} from "../../server/test/support/control-plane.ts";
import { Cluster } from "../support/cluster.ts";

const ATTEMPTS = 10_000;
const ADDRESSES = 50;
const PARALLEL = 40;

suite("guessing at a PIN, through server and proxies", function () {
  this.timeout(180_000);
  let plane: ControlPlane;
  let cluster: Cluster;
  let backend: Backend;
  suiteSetup(async () => {
    plane = await startControlPlane();
    backend = await startBackend((_request, response) => response.end("inside"));
    cluster = await new Cluster(plane).start(2);
    const service = (name: string) =>
      plane.service(name, {
        targets: [directTarget({ port: backend.port })],
        public: undefined,
        auth: { pin_auth: { enabled: true, pin: "123456" } },
      });
    await service("shop");
    await service("wiki");
  });
  suiteTeardown(async () => {
    await cluster.close();
    await plane.close();
    backend.close();
  });

  test(`${ATTEMPTS} wrong PINs from ${ADDRESSES} addresses on two proxies cost a few hashes, and keep nobody else out`, async () => {
    const from = (address: string) => ({ "x-forwarded-for": address });
    const right = { form: "pin=123456" };
    for (const proxy of cluster.proxies) {
      await cluster.signIn(proxy, "shop", "pin=123456");
      await cluster.signIn(proxy, "wiki", "pin=123456");
    }
    // One connection for all, or the test is about handshakes.
    const { certificate } = await testAuthority();
    const sessions = await Promise.all(
      cluster.proxies.map(({ port }) => http2Session(port, certificate, `shop.${CLUSTER}`)),
    );
    const startedMs = Date.now();
    const seen = new Map<number, number>();
    let sent = 0;
    let others = 0;
    const attack = async (): Promise<void> => {
      while (sent < ATTEMPTS) {
        const n = sent++;
        const form = `pin=${String(n % 100_000).padStart(6, "0")}`;
        const headers = from(`203.0.113.${(n >> 1) % ADDRESSES}`);
        const { status } = await http2Get(
          sessions[n % 2]!,
          { ":method": "POST", "content-type": "application/x-www-form-urlencoded", ...headers },
          form,
        );
        seen.set(status, (seen.get(status) ?? 0) + 1);
        if (n % 500 !== 0) continue;
        const other = await cluster.ask(cluster.proxies[0]!, "wiki", {
          ...right,
          headers: from(`198.51.100.${n / 500}`),
        });
        assert.equal(other.status, 303, "another service goes on");
        others += 1;
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, attack));
    for (const session of sessions) session.close();
    const refills = (2 * (Date.now() - startedMs)) / guessing.again.refillMs + 2;
    const report = JSON.stringify([...seen]);
    // A PIN that was looked at is answered with 401, one that was not with 429.
    assert.equal((seen.get(401) ?? 0) + (seen.get(429) ?? 0), ATTEMPTS, report);
    assert.ok(seen.get(401)! <= ADDRESSES + guessing.again.burst + refills, report);
    // How many more depends on how many may wait for a hash at once.
    assert.ok(seen.get(401)! >= guessing.free, report);
    assert.ok(others >= ATTEMPTS / 500);
    for (const [n, proxy] of cluster.proxies.entries()) {
      const clean = await cluster.ask(proxy, "shop", { ...right, headers: from(`192.0.2.${n}`) });
      assert.equal(clean.status, 303, "the right PIN from a clean address");
    }
  });

  test("attempts on one proxy count on the other, and the visitor sees how many are left", async () => {
    const headers = { "x-forwarded-for": "192.0.2.77", accept: "text/html" };
    const [one, two] = cluster.proxies as [(typeof cluster.proxies)[0], (typeof cluster.proxies)[0]];
    const wrong = (proxy: typeof one, more = {}) =>
      cluster.ask(proxy, "wiki", { form: "pin=000000", headers: { ...headers, ...more } });
    for (let left = 9; left > 2; left -= 1)
      assert.match((await wrong(one)).body, new RegExp(`${left} attempts left`));
    assert.equal(JSON.parse((await wrong(two, { accept: "*/*" })).body).attempts_left, 2);
    assert.match((await wrong(two)).body, /One attempt left/);
    assert.match((await wrong(one)).body, /You have to wait/);
    const refused = await cluster.ask(two, "wiki", { form: "pin=123456", headers });
    assert.equal(refused.status, 429);
    assert.match(refused.body, /Too many wrong attempts\. Wait \d+ s/);
    assert.ok(Number(refused.headers["retry-after"]) <= 10);
  });
});

import assert from "node:assert/strict";
import { management } from "@netbird-proxy/proto/grpc";
import { RequestRates } from "../../src/access/request-rates.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { get } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

suite("request rates", () => {
  const rate = { perMinute: 60, burst: 3, mode: "enforce" } as const;
  const many = (rates: RequestRates, count: number, address: string, nowMs: number) =>
    Array.from({ length: count }, () => rates.take("s", address, rate, nowMs));

  test("let a burst through, then as many as come back, and say how long to wait", () => {
    const rates = new RequestRates();
    assert.deepEqual(many(rates, 5, "192.0.2.1", 0), [0, 0, 0, 1, 1]);
    assert.deepEqual(many(rates, 2, "192.0.2.1", 1_000), [0, 1]);
    assert.deepEqual(many(rates, 4, "192.0.2.1", 3_600_000), [0, 0, 0, 1]);
  });

  test("count each service and address for itself, and a /64 of IPv6 as one", () => {
    const rates = new RequestRates();
    many(rates, 3, "2001:db8::1", 0);
    assert.equal(rates.take("s", "2001:db8::ffff:2", rate, 0), 1);
    assert.equal(rates.take("s", "2001:db8:0:1::1", rate, 0), 0);
    assert.equal(rates.take("other", "2001:db8::1", rate, 0), 0);
  });

  test("keep a bounded number of addresses, those that came last", () => {
    const rates = new RequestRates(100);
    many(rates, 3, "192.0.2.1", 0);
    for (let n = 0; n < 99; n += 1) rates.take("s", `10.0.0.${n}`, rate, 0);
    assert.equal(rates.take("s", "192.0.2.1", rate, 0), 1, "still known");
    for (let n = 0; n < 1_000; n += 1) rates.take("s", `10.1.${n >> 8}.${n & 255}`, rate, 0);
    assert.equal(rates.size, 100);
  });
});

suite("the request rate of a service", () => {
  let proxy: TestProxy;
  let backend: Backend;
  let arrived = 0;
  suiteSetup(async () => {
    proxy = await startTestProxy();
    backend = await startBackend((_request, response) => {
      arrived += 1;
      response.end("inside");
    });
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });

  const publish = (observe: boolean) =>
    proxy.management.apply(
      httpService(`s-${observe}`, "app.example.test", backend.url, {
        accessRestrictions: management.AccessRestrictions.fromPartial({
          requestRate: { perMinute: 1, burst: 2, observe },
        }),
      }),
    );
  const statuses = async (count: number) => {
    const all = [];
    for (let n = 0; n < count; n += 1) all.push(await get({ port: proxy.port, ca: proxy.ca }));
    return all;
  };

  test("turns what is too much away, without troubling the target, and survives a change of the service", async () => {
    await publish(false);
    arrived = 0;
    const replies = await statuses(4);
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 200, 429, 429],
    );
    assert.equal(arrived, 2);
    const { headers, body } = replies[3]!;
    assert.equal(JSON.parse(body).code, "access.too_many_requests");
    const wait = Number(headers["retry-after"]);
    assert.ok(wait > 0 && wait <= 60, String(wait));
    await publish(false);
    assert.equal((await statuses(1))[0]!.status, 429);
  });

  test("that is only observed lets all pass, and the access log says which were too many", async () => {
    await publish(true);
    const replies = await statuses(4);
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    const noted = () =>
      proxy.management.accessLogs.filter(
        ({ serviceId, metadata }) =>
          serviceId === "s-true" &&
          metadata.rate_verdict === "too_many_requests" &&
          metadata.rate_mode === "observe",
      );
    await until(() => noted().length === 2, "the access log");
  });
});

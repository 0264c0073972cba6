import assert from "node:assert/strict";
import { addDnsCredentials } from "../../src/commands/dns-credentials.ts";
import { ChallengeProblem } from "../../src/dns/challenge/challenge-problem.ts";
import { readDnsCredentials } from "../../src/domain/validate-dns-credentials.ts";
import { removeChallengeRecords } from "../../src/jobs/remove-challenge-records.ts";
import { noteDnsRecord } from "../../src/store/dns-credentials.ts";
import {
  CLUSTER,
  type ControlPlane,
  connectScriptedProxy,
  startControlPlane,
} from "../support/control-plane.ts";

suite("removing challenge records", () => {
  let plane: ControlPlane;
  setup(async () => {
    plane = await startControlPlane();
  });
  teardown(() => plane.close());

  test("sixty that cannot be removed do not keep another one waiting, and are given up after a day", async () => {
    await connectScriptedProxy(plane, { token: await plane.token() }).synced();
    const { id: credentialsId } = await addDnsCredentials(
      plane.context,
      plane.actor,
      readDnsCredentials({
        domain: CLUSTER,
        wildcard: false,
        propagation_seconds: 0,
        provider: "webhook",
        webhook: { url: "https://dns.example.net/hook" },
      }),
    );
    const createdAt = plane.context.nowMs();
    const record = (n: number) => ({
      lease: `l${n}`,
      credentialsId,
      name: `n${n}`,
      value: "v",
      createdAt: createdAt + n,
    });
    for (let n = 0; n < 61; n += 1) await noteDnsRecord(plane.store.db, record(n));
    const removed: string[] = [];
    const warnings: string[] = [];
    const dns = {
      async remove({ name }: { name: string }) {
        if (name !== "n60") throw new ChallengeProblem("certificate.dns_refused", "no");
        removed.push(name);
      },
    };
    const round = () =>
      removeChallengeRecords(plane.context, dns, {
        warn: (fields: { domain: string }) => warnings.push(fields.domain),
      } as never);
    await round();
    assert.deepEqual(removed, [], "the newest");
    plane.clock.aheadMs += 15_000;
    await round();
    assert.deepEqual(removed, ["n60"]);
    plane.clock.aheadMs += 25 * 3_600_000;
    await round();
    await round();
    assert.equal(warnings.length, 60);
    assert.deepEqual(await plane.store.db("dns_records"), []);
  });
});

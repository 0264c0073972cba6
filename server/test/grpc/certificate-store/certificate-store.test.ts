import assert from "node:assert/strict";
import { credentials, status as Status } from "@grpc/grpc-js";
import type { AccountId } from "@netbird-proxy/proto";
import { certificates } from "@netbird-proxy/proto/grpc";
import { removeService } from "../../../src/commands/services.ts";
import {
  answer,
  bearer,
  CLUSTER,
  type ControlPlane,
  connectScriptedProxy,
  startControlPlane,
} from "../../support/control-plane.ts";

suite("certificates that a cluster shares", () => {
  let plane: ControlPlane;
  let proxies = 0;
  setup(async () => {
    plane = await startControlPlane();
  });
  teardown(() => plane.close());

  /** A connected proxy of the cluster, with its calls to the store. */
  async function connect({
    account,
    address = CLUSTER,
  }: {
    account?: AccountId | null;
    address?: string;
  } = {}) {
    const token = await plane.token(account);
    const proxyId = `proxy-${++proxies}`;
    await connectScriptedProxy(plane, { token, proxyId, address }).synced();
    const client = new certificates.CertificateStoreClient(plane.target, credentials.createInsecure());
    plane.cleanUps.push(() => client.close());
    const metadata = bearer(token);
    return {
      proxyId,
      acquire: (name: string, have = "", dns = true) =>
        answer<certificates.AcquireResponse>((done) =>
          client.acquire({ proxyId, name, have, dns }, metadata, done),
        ),
      extend: (name: string, lease: string) =>
        answer<certificates.LeaseResponse>((done) => client.extend({ proxyId, name, lease }, metadata, done)),
      save: (name: string, lease: string, text: string, servedName = "") =>
        answer<certificates.SaveResponse>((done) =>
          client.save(
            {
              proxyId,
              name,
              lease,
              bundle: Buffer.from(text),
              fingerprint: `print of ${text}`,
              expiresAtUnixSeconds: BigInt(Math.floor(Date.now() / 1000) + 86_400),
              servedName,
            },
            metadata,
            done,
          ),
        ),
      publish: (name: string, lease: string) =>
        answer<certificates.LeaseResponse>((done) =>
          client.publishChallenge(
            { proxyId, name, lease, token: "tok", keyAuthorization: "tok.thumb" },
            metadata,
            done,
          ),
        ),
      find: (name: string, challenge = "") =>
        answer<certificates.FindChallengeResponse>((done) =>
          client.findChallenge({ proxyId, name, token: challenge }, metadata, done),
        ),
      accountKey: (offer: string) =>
        answer<certificates.AccountKeyResponse>((done) =>
          client.accountKey(
            { proxyId, directoryUrl: "https://ca.test/dir", offer: Buffer.from(offer) },
            metadata,
            done,
          ),
        ),
    };
  }

  function leaseOf({ result }: certificates.AcquireResponse): string {
    assert.equal(result?.$case, "lease");
    return result?.$case === "lease" ? result.value : "";
  }

  test("weakness 30: one proxy may order, the others wait, and then get what it stored", async () => {
    const [one, other] = [await connect(), await connect()];
    await plane.service("shop");
    const name = `shop.${CLUSTER}`;
    const lease = leaseOf(await one.acquire(name));
    assert.equal((await other.acquire(name)).result?.$case, "busyMs");
    await one.save(name, lease, "first");
    const { result } = await other.acquire(name);
    assert.equal(result?.$case === "bundle" && Buffer.from(result.value).toString(), "first");
    leaseOf(await other.acquire(name, "print of first"));
  });

  test("the lease of a proxy that died runs out, and its owner learns that it is lost", async () => {
    const [one, other] = [await connect(), await connect()];
    await plane.service("shop");
    const name = `shop.${CLUSTER}`;
    const lease = leaseOf(await one.acquire(name));
    plane.clock.aheadMs += 50_000;
    assert.equal((await one.extend(name, lease)).held, true);
    plane.clock.aheadMs += 50_000;
    assert.equal((await other.acquire(name)).result?.$case, "busyMs");
    plane.clock.aheadMs += 20_000;
    leaseOf(await other.acquire(name));
    assert.equal((await one.extend(name, lease)).held, false);
  });

  test("a proxy that restarted may order again at once", async () => {
    const one = await connect();
    await plane.service("shop");
    leaseOf(await one.acquire(`shop.${CLUSTER}`));
    leaseOf(await one.acquire(`shop.${CLUSTER}`));
  });

  test("every proxy of the cluster can answer a challenge, as long as the order goes on", async () => {
    const [one, other] = [await connect(), await connect()];
    await plane.service("shop");
    const name = `shop.${CLUSTER}`;
    const lease = leaseOf(await one.acquire(name));
    assert.equal((await other.find(name)).token, "");
    await one.publish(name, lease);
    assert.equal((await other.find(name)).keyAuthorization, "tok.thumb");
    assert.equal((await other.find(name, "tok")).keyAuthorization, "tok.thumb");
    assert.equal((await other.find(name, "guess")).keyAuthorization, "");
    await one.save(name, lease, "x");
    assert.equal((await other.find(name)).token, "");
  });

  test("nobody gets a certificate or a lease for a name without an enabled service", async () => {
    const [one, elsewhere] = [await connect(), await connect({ address: "us.example.net" })];
    await plane.service("off", { enabled: false });
    await plane.service("shop");
    const denied = { code: Status.PERMISSION_DENIED };
    await assert.rejects(one.acquire(`off.${CLUSTER}`), denied);
    await assert.rejects(one.acquire("bank.example.com"), denied);
    await assert.rejects(elsewhere.acquire(`shop.${CLUSTER}`), denied);
    await assert.rejects(one.save("bank.example.com", "", "x"), denied);
  });

  test("keys are sealed in the database and go with the service", async () => {
    const one = await connect();
    const service = await plane.service("shop");
    const name = `shop.${CLUSTER}`;
    await one.save(name, leaseOf(await one.acquire(name)), "PRIVATE KEY");
    const [row] = await plane.store.db("shared_certificates");
    assert.doesNotMatch(
      row.sealed_bundle,
      new RegExp(`PRIVATE|${Buffer.from("PRIVATE KEY").toString("base64")}`),
    );
    await removeService(plane.context, plane.actor, service.id);
    assert.deepEqual(await plane.store.db("shared_certificates"), []);
  });

  test("the first account key that is offered is everybody's", async () => {
    const [one, other] = [await connect(), await connect()];
    assert.equal((await one.accountKey("")).key.length, 0);
    const keys = await Promise.all([one.accountKey("key 1"), other.accountKey("key 2")]);
    assert.equal(Buffer.from(keys[0].key).toString(), Buffer.from(keys[1].key).toString());
    assert.equal(
      Buffer.from((await other.accountKey("")).key).toString(),
      Buffer.from(keys[0].key).toString(),
    );
  });
});

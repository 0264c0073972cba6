import assert from "node:assert/strict";
import { credentials, status as Status } from "@grpc/grpc-js";
import type { AccountId } from "@netbird-proxy/proto";
import { certificates } from "@netbird-proxy/proto/grpc";
import { createAuthority, issueCertificate, type PemPair } from "../../../../scripts/stack/local-ca.ts";
import {
  type CertificateDraft,
  removeCertificate,
  replaceCertificate,
  uploadCertificate,
} from "../../../src/commands/certificates.ts";
import { revokeToken } from "../../../src/commands/proxy-tokens.ts";
import { removeService, updateService } from "../../../src/commands/services.ts";
import {
  bearer,
  CLUSTER,
  type ControlPlane,
  connectScriptedProxy,
  Inbox,
  serviceRequest,
  startControlPlane,
} from "../../support/control-plane.ts";

suite("uploaded certificates on their way to proxies", () => {
  let plane: ControlPlane;
  let authority: PemPair;
  suiteSetup(async () => {
    authority = await createAuthority("Test Root");
  });
  setup(async () => {
    plane = await startControlPlane();
    // Services and certificates are refused without.
    await connect({ proxyId: "keeper" });
  });
  teardown(() => plane.close());

  async function connect({
    account = null,
    address = CLUSTER,
    proxyId = "proxy-1",
    have = [],
  }: {
    account?: AccountId | null;
    address?: string;
    proxyId?: string;
    have?: certificates.HeldCertificate[];
  } = {}): Promise<Inbox<certificates.UploadedChanges>> {
    const token = await plane.token(account);
    await connectScriptedProxy(plane, { token, proxyId, address }).synced();
    const client = new certificates.CertificateStoreClient(plane.target, credentials.createInsecure());
    plane.cleanUps.push(() => client.close());
    return new Inbox(client.watchUploaded({ proxyId, have }, bearer(token)));
  }

  async function draft(...names: string[]): Promise<CertificateDraft> {
    const { certificate, key } = await issueCertificate(authority, names);
    return { name: "own", certificateChain: certificate, privateKey: key };
  }

  const upload = async (...names: string[]) =>
    uploadCertificate(plane.context, plane.actor, await draft(...names));

  test("a proxy gets what its services can use, and learns of every change", async () => {
    const inbox = await connect();
    assert.deepEqual(await inbox.next(), { changed: [], removed: [], synchronised: true, dnsChanged: [] });
    const service = await plane.service("shop");
    const shop = await draft(`shop.${CLUSTER}`);
    const { id } = await uploadCertificate(plane.context, plane.actor, shop);
    await upload(`other.${CLUSTER}`);
    const first = await inbox.next();
    assert.equal(first.changed.length, 1);
    assert.deepEqual(
      { ...first.changed[0]!, version: "" },
      {
        id,
        accountId: plane.account,
        version: "",
        certificateChain: shop.certificateChain,
        privateKey: shop.privateKey,
      },
    );
    const next = await draft(`shop.${CLUSTER}`);
    const startedMs = performance.now();
    await replaceCertificate(plane.context, plane.actor, id, next);
    const second = await inbox.next();
    assert.ok(performance.now() - startedMs < 2_000);
    assert.equal(second.changed[0]!.privateKey, next.privateKey);
    assert.notEqual(second.changed[0]!.version, first.changed[0]!.version);
    await removeCertificate(plane.context, plane.actor, id);
    assert.deepEqual(await inbox.next(), { changed: [], removed: [id], synchronised: false, dnsChanged: [] });
    await removeService(plane.context, plane.actor, service.id);
  });

  test("a key comes with the service that needs it, and goes with it", async () => {
    const { id } = await upload(`*.${CLUSTER}`);
    const inbox = await connect();
    assert.deepEqual((await inbox.next()).changed, []);
    const service = await plane.service("shop");
    assert.equal((await inbox.next()).changed[0]!.id, id);
    await updateService(plane.context, plane.actor, service.id, serviceRequest("shop", { enabled: false }));
    assert.deepEqual((await inbox.next()).removed, [id]);
  });

  test("a proxy that comes back is told only the difference", async () => {
    await plane.service("shop");
    const kept = await upload(`shop.${CLUSTER}`);
    const changed = await upload(`shop.${CLUSTER}`);
    const have = [
      { id: kept.id, version: String(kept.updatedAt) },
      { id: changed.id, version: "old" },
      { id: "deleted", version: "1" },
    ];
    const inbox = await connect({ have });
    const told = await inbox.next();
    assert.deepEqual(
      told.changed.map(({ id }) => id),
      [changed.id],
    );
    assert.deepEqual(told.removed, ["deleted"]);
    assert.equal(told.synchronised, true);
  });

  test("many come in several messages, the last of which completes them", async () => {
    await plane.service("shop");
    const one = await draft(`shop.${CLUSTER}`);
    for (let n = 0; n < 70; n += 1) await uploadCertificate(plane.context, plane.actor, one);
    const inbox = await connect();
    const [first, second] = [await inbox.next(), await inbox.next()];
    assert.deepEqual([first.synchronised, second.synchronised], [false, true]);
    assert.equal(new Set([...first.changed, ...second.changed].map(({ id }) => id)).size, 70);
  });

  test("another cluster's proxy, and another account's service of the same name, get nothing", async () => {
    await plane.service("shop");
    await upload(`shop.${CLUSTER}`);
    const elsewhere = await connect({ address: "us.example.net", proxyId: "proxy-2" });
    assert.deepEqual((await elsewhere.next()).changed, []);
    // The same rows, as they would look if the service were somebody else's.
    await plane.store.db("uploaded_certificates").update({ account_id: await otherAccount() });
    const inbox = await connect();
    assert.deepEqual((await inbox.next()).changed, []);
  });

  async function otherAccount(): Promise<string> {
    const account = await plane.store.db("accounts").first();
    await plane.store.db("accounts").insert({ ...account, id: "other-account" });
    return "other-account";
  }

  test("a proxy without a control stream is refused, and a token that is revoked ends the stream", async () => {
    const client = new certificates.CertificateStoreClient(plane.target, credentials.createInsecure());
    plane.cleanUps.push(() => client.close());
    const early = new Inbox(
      client.watchUploaded({ proxyId: "nobody", have: [] }, bearer(await plane.token())),
    );
    const ended = await early.end();
    assert.equal(ended !== "ok" && ended.code, Status.FAILED_PRECONDITION);
    const inbox = await connect();
    await inbox.next();
    for (const { id } of await plane.store.db("proxy_tokens").where({ account_id: null })) {
      await revokeToken(plane.context, null, id);
    }
    const over = await inbox.end();
    assert.equal(over !== "ok" && over.code, Status.CANCELLED);
  });
});

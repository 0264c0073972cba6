import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { type ScriptedManagement, until } from "../../proxy/test/support/management-server.ts";
import { TestProxy, testCertificate } from "../../proxy/test/support/proxy.ts";
import { createAuthority, issueCertificate, type PemPair } from "../../scripts/stack/local-ca.ts";
import {
  removeCertificate,
  replaceCertificate,
  uploadCertificate,
} from "../../server/src/commands/certificates.ts";
import { CLUSTER, type ControlPlane, startControlPlane } from "../../server/test/support/control-plane.ts";

suite("uploaded certificates, from the server to visitors", function () {
  this.timeout(30_000);
  let plane: ControlPlane;
  let proxy: TestProxy;
  let authority: PemPair;

  setup(async () => {
    authority = await createAuthority("brought along");
    plane = await startControlPlane();
    const management = { port: Number(plane.target.split(":")[1]), stop() {} } as ScriptedManagement;
    proxy = new TestProxy(management, {
      NB_PROXY_TOKEN: await plane.token(),
      NB_PROXY_DOMAIN: CLUSTER,
    });
    await proxy.writeCertificate(await testCertificate());
    await proxy.start();
    await proxy.synchronised();
  });
  teardown(async () => {
    await proxy.close();
    await plane.close();
  });

  const host = `shop.${CLUSTER}`;
  const servedSerial = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(
        { host: "127.0.0.1", port: proxy.port, servername: host, rejectUnauthorized: false },
        () => {
          const { serialNumber } = socket.getPeerCertificate();
          socket.destroy();
          resolve(serialNumber.toLowerCase());
        },
      );
      socket.on("error", reject);
    });

  /** Fails after the two seconds that are promised. */
  async function servedWithin2Seconds(isIt: (serial: string) => boolean): Promise<void> {
    const deadline = Date.now() + 2_000;
    for (;;) {
      const serial = await servedSerial();
      if (isIt(serial)) return;
      assert.ok(Date.now() < deadline, `still served: ${serial}`);
    }
  }

  test("an upload, its replacement and its deletion reach visitors within two seconds", async () => {
    await plane.service("shop");
    await until(() => proxy.app.control.position.revision > 0n);
    const draft = async () => {
      const { certificate, key } = await issueCertificate(authority, [host]);
      return { name: "shop", certificateChain: certificate, privateKey: key };
    };
    const first = await uploadCertificate(plane.context, plane.actor, await draft());
    await servedWithin2Seconds((serial) => serial === first.serial);
    const second = await replaceCertificate(plane.context, plane.actor, first.id, await draft());
    await servedWithin2Seconds((serial) => serial === second.serial);
    const folder = join(proxy.stateDirectory, "uploaded-certificates");
    await until(() => existsSync(join(folder, `${first.id}.json`)));
    await removeCertificate(plane.context, plane.actor, first.id);
    await servedWithin2Seconds((serial) => serial !== second.serial);
    await until(() => readdirSync(folder).length === 0, "the file to go", 2_000);
  });

  test("what changed while the server was away arrives after it is back", async () => {
    await plane.service("shop");
    const { certificate, key } = await issueCertificate(authority, [host]);
    const draft = { name: "shop", certificateChain: certificate, privateKey: key };
    const kept = await uploadCertificate(plane.context, plane.actor, draft);
    await servedWithin2Seconds((serial) => serial === kept.serial);
    await plane.restart();
    await removeCertificate(plane.context, plane.actor, kept.id);
    const gone = async () => (await servedSerial()) !== kept.serial;
    for (const deadline = Date.now() + 10_000; !(await gone()); ) assert.ok(Date.now() < deadline);
  });
});

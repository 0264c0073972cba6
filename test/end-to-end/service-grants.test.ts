import assert from "node:assert/strict";
import { startBackend } from "../../proxy/test/support/backend.ts";
import { get, type Reply } from "../../proxy/test/support/client.ts";
import { type ScriptedManagement, until } from "../../proxy/test/support/management-server.ts";
import { TestProxy, testAuthority } from "../../proxy/test/support/proxy.ts";
import { issueCertificate } from "../../scripts/stack/local-ca.ts";
import {
  createServiceToken,
  createShareLink,
  deleteServiceToken,
  deleteShareLink,
} from "../../server/src/commands/service-grants.ts";
import { listGrantUses } from "../../server/src/store/grant-uses.ts";
import { getService } from "../../server/src/store/services.ts";
import {
  CLUSTER,
  type ControlPlane,
  directTarget,
  startControlPlane,
} from "../../server/test/support/control-plane.ts";

const HOST = `shop.${CLUSTER}`;

suite("service tokens and share links, through server and two proxies", function () {
  this.timeout(30_000);
  let plane: ControlPlane;
  let backend: Awaited<ReturnType<typeof startBackend>>;
  let serviceId: string;
  const proxies: TestProxy[] = [];

  setup(async () => {
    plane = await startControlPlane();
    backend = await startBackend((_request, response) => response.end("inside"));
    for (let n = 0; n < 2; n += 1) {
      const management = { port: Number(plane.target.split(":")[1]), stop() {} } as ScriptedManagement;
      const proxy = new TestProxy(management, {
        NB_PROXY_TOKEN: await plane.token(),
        NB_PROXY_DOMAIN: CLUSTER,
      });
      await proxy.writeCertificate(await issueCertificate(await testAuthority(), [`*.${CLUSTER}`]));
      proxies.push(proxy);
      await proxy.start();
      await proxy.synchronised();
    }
    const service = await plane.service("shop", {
      targets: [directTarget({ port: Number(new URL(backend.url).port) })],
      public: undefined,
      auth: { token_auth: { enabled: true }, share_link_auth: { enabled: true } },
    });
    serviceId = service.id;
    await everywhere({}, 401);
  });
  teardown(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
    await plane.close();
    backend.close();
  });

  const ask = async (
    proxy: TestProxy,
    path: string,
    headers: Record<string, string>,
    method = "GET",
  ): Promise<Reply> =>
    get({ port: proxy.port, ca: (await testAuthority()).certificate, host: HOST, path, headers, method });

  /** Waits until every proxy answers like that. */
  async function everywhere(headers: Record<string, string>, status: number): Promise<void> {
    let reached = false;
    const watch = async () => {
      while (!reached) {
        const replies = await Promise.all(proxies.map((proxy) => ask(proxy, "/", headers)));
        reached = replies.every((reply) => reply.status === status);
      }
    };
    const watching = watch();
    await until(() => reached, `${status} on every proxy`);
    await watching;
  }

  test("a token is taken everywhere, its use is noted, and withdrawing it is enough", async () => {
    const { plain, token } = await createServiceToken(plane.context, plane.actor, serviceId, {
      name: "ci",
      expiresInSeconds: 0,
    });
    const headers = { authorization: `Bearer ${plain}` };
    await everywhere(headers, 200);
    const service = (await getService(plane.context.store.db, plane.actor.account, serviceId))!;
    let lastUsedAt = 0;
    const watch = async () => {
      while (lastUsedAt === 0) {
        const uses = await listGrantUses(plane.context.store.db, service.id);
        lastUsedAt = uses.get(token.id)?.lastUsedAt ?? 0;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    void watch();
    await until(() => lastUsedAt > 0, "the token's last use", 20_000);
    assert.ok(Math.abs(Date.now() - lastUsedAt) < 60_000);
    await deleteServiceToken(plane.context, plane.actor, serviceId, token.id);
    await everywhere(headers, 401);
  });

  test("a link for one visitor: previews use nothing up, the second visitor is late, and its sessions end with it", async () => {
    const { secret, link } = await createShareLink(plane.context, plane.actor, serviceId, {
      name: "for ann",
      expiresInSeconds: 3600,
      maxUses: 1,
      path: "/report?week=7",
    });
    const path = `/.netbird/share/${secret}`;
    const [first, second] = proxies as [TestProxy, TestProxy];
    for (let n = 0; n < 3; n += 1) {
      const seen = await ask(first, path, { accept: "text/html" });
      assert.equal(seen.status, 200);
      assert.match(seen.body, /<form method="post"><button autofocus>/);
      assert.ok(!seen.body.includes(secret), "the page does not repeat the secret");
      assert.equal(seen.headers["referrer-policy"], "no-referrer");
    }
    const opened = await ask(first, path, {}, "POST");
    assert.deepEqual([opened.status, opened.headers.location], [303, "/report?week=7"]);
    assert.match(String(opened.headers["set-cookie"]), /; Max-Age=3[56]\d\d; HttpOnly; Secure; SameSite=Lax/);
    const cookie = String(opened.headers["set-cookie"]).split(";")[0]!;
    await everywhere({ cookie }, 200);
    const late = await ask(second, path, { accept: "application/json" }, "POST");
    assert.deepEqual([late.status, JSON.parse(late.body).code], [403, "access.share_link_invalid"]);
    const unknown = await ask(second, `/.netbird/share/nbl_${"0".repeat(36)}`, {}, "POST");
    assert.equal(unknown.status, 403);
    await deleteShareLink(plane.context, plane.actor, serviceId, link.id);
    await everywhere({ cookie }, 401);
    let paths: string[] = [];
    const watch = async () => {
      while (!paths.includes("/.netbird/share/")) {
        paths = await plane.context.store.db("access_logs").pluck("path");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    void watch();
    await until(() => paths.includes("/.netbird/share/"), "the access log", 20_000);
    assert.ok(!paths.some((path) => path.includes("nbl_")), "the secret is in no access log");
  });
});

import assert from "node:assert/strict";
import { request } from "node:https";
import { startBackend } from "../../proxy/test/support/backend.ts";
import { type ScriptedManagement, until } from "../../proxy/test/support/management-server.ts";
import { TestProxy, testAuthority } from "../../proxy/test/support/proxy.ts";
import { issueCertificate } from "../../scripts/stack/local-ca.ts";
import { endSessions, updateService } from "../../server/src/commands/services.ts";
import {
  CLUSTER,
  type ControlPlane,
  directTarget,
  serviceRequest,
  startControlPlane,
} from "../../server/test/support/control-plane.ts";

suite("sessions of visitors, through server and proxies", function () {
  this.timeout(30_000);
  let plane: ControlPlane;
  let backend: Awaited<ReturnType<typeof startBackend>>;
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
  });
  teardown(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
    await plane.close();
    backend.close();
  });

  async function ask(
    proxy: TestProxy,
    name: string,
    { form, cookie, path = "/" }: { form?: string; cookie?: string; path?: string } = {},
  ): Promise<{ status: number; cookie: string }> {
    const ca = (await testAuthority()).certificate;
    return new Promise((resolve, reject) => {
      const headers = {
        host: `${name}.${CLUSTER}`,
        ...(cookie ? { cookie } : {}),
        ...(form ? { "content-type": "application/x-www-form-urlencoded" } : {}),
      };
      const call = request(
        {
          host: "127.0.0.1",
          port: proxy.port,
          servername: `${name}.${CLUSTER}`,
          ca,
          agent: false,
          path,
          method: form ? "POST" : "GET",
          headers,
        },
        (response) => {
          response.resume();
          const [set = ""] = response.headers["set-cookie"] ?? [];
          resolve({ status: response.statusCode!, cookie: set.split(";")[0]! });
        },
      );
      call.on("error", reject).end(form);
    });
  }

  const change = (password: string, pin: string) => ({
    targets: [directTarget({ port: Number(new URL(backend.url).port) })],
    public: undefined,
    auth: {
      password_auth: { enabled: true, password },
      pin_auth: { enabled: true, pin },
    },
  });
  const statuses = (name: string, cookie: string) =>
    Promise.all(proxies.map(async (proxy) => (await ask(proxy, name, { cookie })).status));
  const ended = (name: string, cookie: string) => {
    let over = false;
    const watch = async () => {
      while (!over) over = (await statuses(name, cookie)).every((status) => status === 401);
    };
    void watch();
    return until(() => over, "the end of the session everywhere");
  };

  test("end with their secret, with nobody else's, and on every proxy", async () => {
    const shop = await plane.service("shop", change("first password", "123456"));
    await plane.service("wiki", change("first password", "123456"));
    await until(() => proxies.every(({ app }) => app.control.initialSyncComplete), "the services");
    const signIn = async (name: string, form: string) => {
      let answer = await ask(proxies[0]!, name, { form });
      for (let tries = 0; answer.status !== 303 && tries < 100; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        answer = await ask(proxies[0]!, name, { form });
      }
      assert.equal(answer.status, 303);
      return answer.cookie;
    };
    const byPassword = await signIn("shop", "password=first+password");
    const byPin = await signIn("shop", "pin=123456");
    const elsewhere = await signIn("wiki", "password=first+password");
    assert.deepEqual(await statuses("shop", byPassword), [200, 200]);
    assert.deepEqual(await statuses("shop", byPin), [200, 200]);

    // Anything but the secret leaves sessions as they are, the empty secret of a full replacement too.
    await updateService(
      plane.context,
      plane.actor,
      shop.id,
      serviceRequest("shop", { ...change("", ""), name: "other" }),
    );
    assert.deepEqual(await statuses("shop", byPassword), [200, 200]);

    await updateService(
      plane.context,
      plane.actor,
      shop.id,
      serviceRequest("shop", change("second password", "")),
    );
    await ended("shop", byPassword);
    assert.deepEqual(
      await statuses("shop", byPin),
      [200, 200],
      "a PIN's session does not depend on the password",
    );
    assert.deepEqual(await statuses("wiki", elsewhere), [200, 200]);

    await endSessions(plane.context, plane.actor, shop.id);
    await ended("shop", byPin);
    assert.deepEqual(await statuses("wiki", elsewhere), [200, 200]);
    const again = await signIn("shop", "password=second+password");
    assert.deepEqual(await statuses("shop", again), [200, 200]);
  });

  test("signing out at one proxy ends the session at the other one; its length is the service's", async () => {
    await plane.service("shop", {
      ...change("first password", "123456"),
      auth: {
        pin_auth: { enabled: true, pin: "123456" },
        session_length: "8h",
        session_idle_time: "30m",
      },
    });
    const [one, two] = proxies as [TestProxy, TestProxy];
    let cookie = "";
    const signIn = async () => {
      while (cookie === "") {
        const answer = await ask(one, "shop", { form: "pin=123456" });
        if (answer.status === 303) cookie = answer.cookie;
      }
    };
    void signIn();
    await until(() => cookie !== "", "the session");
    const claims = JSON.parse(Buffer.from(cookie.split(".")[1]!, "base64url").toString());
    assert.equal(claims.exp - claims.iat, 8 * 3600);
    assert.deepEqual(await statuses("shop", cookie), [200, 200]);
    assert.equal((await ask(two, "shop", { cookie, path: "/.netbird/sign-out", form: "x=1" })).status, 200);
    await ended("shop", cookie);
  });
});

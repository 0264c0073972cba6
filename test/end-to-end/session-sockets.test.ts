import assert from "node:assert/strict";
import { until } from "../../proxy/test/support/management-server.ts";
import { testAuthority } from "../../proxy/test/support/proxy.ts";
import { openWebSocket, type SocketBackend, startSocketBackend } from "../../proxy/test/support/websocket.ts";
import { rotateSessionKey } from "../../server/src/commands/rotate-session-key.ts";
import { endSessions, updateService } from "../../server/src/commands/services.ts";
import { getService, type StoredService } from "../../server/src/store/services.ts";
import {
  CLUSTER,
  type ControlPlane,
  directTarget,
  serviceRequest,
  startControlPlane,
} from "../../server/test/support/control-plane.ts";
import { Cluster } from "../support/cluster.ts";

suite("WebSockets of sessions that end, through server and proxies", function () {
  this.timeout(30_000);
  let plane: ControlPlane;
  let cluster: Cluster;
  let backend: SocketBackend;
  let service: StoredService;
  const change = (password: string) => ({
    targets: [directTarget({ port: Number(new URL(backend.url).port) })],
    public: undefined,
    auth: { password_auth: { enabled: true, password } },
  });
  setup(async () => {
    plane = await startControlPlane();
    backend = await startSocketBackend();
    cluster = await new Cluster(plane).start(2);
    service = await plane.service("shop", change("first"));
  });
  teardown(async () => {
    await cluster.close();
    await plane.close();
    backend.close();
  });

  /** Signs in at one proxy and opens a WebSocket at the other one. */
  async function openElsewhere() {
    const [one, two] = cluster.proxies as [(typeof cluster.proxies)[0], (typeof cluster.proxies)[0]];
    const cookie = await cluster.signIn(one, "shop", "password=first");
    await cluster.signIn(two, "shop", "password=first");
    const { certificate: ca } = await testAuthority();
    const headers = { cookie };
    const reply = await openWebSocket({ port: two.port, ca, host: `shop.${CLUSTER}`, headers });
    assert.equal(reply.status, 101);
    let closed = false;
    reply.socket!.on("close", () => {
      closed = true;
    });
    return { one, cookie, isCut: () => until(() => closed, "the cut", 5_000), isOpen: () => !closed };
  }

  test("are cut when the secret is changed, and not when something else is", async () => {
    const socket = await openElsewhere();
    const renamed = serviceRequest("shop", { ...change(""), name: "another" });
    const { revision } = await updateService(plane.context, plane.actor, service.id, renamed);
    await until(
      () => cluster.proxies.every(({ app }) => app.control.position.revision >= BigInt(revision)),
      "the other name",
    );
    assert.ok(socket.isOpen());
    await updateService(plane.context, plane.actor, service.id, serviceRequest("shop", change("second")));
    await socket.isCut();
  });

  test("stay when the service gets a new session key, like the sessions themselves", async () => {
    const socket = await openElsewhere();
    await rotateSessionKey(plane.context, plane.actor, service.id);
    const { revision } = (await getService(plane.context.store.db, plane.actor.account, service.id))!;
    await until(
      () => cluster.proxies.every(({ app }) => app.control.position.revision >= BigInt(revision)),
      "the new key",
    );
    assert.ok(socket.isOpen());
    const anew = await cluster.signIn(socket.one, "shop", "password=first");
    const { certificate: ca } = await testAuthority();
    for (const { port } of cluster.proxies) {
      for (const cookie of [socket.cookie, anew]) {
        const headers = { cookie };
        const reply = await openWebSocket({ port, ca, host: `shop.${CLUSTER}`, headers });
        assert.equal(reply.status, 101);
        reply.socket!.destroy();
      }
    }
    assert.ok(socket.isOpen());
  });

  test("are cut when somebody ends all sessions", async () => {
    const socket = await openElsewhere();
    await endSessions(plane.context, plane.actor, service.id);
    await socket.isCut();
  });

  test("are cut when the visitor signs out at the other proxy", async () => {
    const socket = await openElsewhere();
    const reply = await cluster.ask(socket.one, "shop", {
      method: "POST",
      path: "/.netbird/sign-out",
      cookie: socket.cookie,
    });
    assert.equal(reply.status, 200);
    await socket.isCut();
  });
});

import assert from "node:assert/strict";
import { type Metadata, type ServiceError, status as Status } from "@grpc/grpc-js";
import type { UserId } from "@netbird-proxy/proto";
import { management } from "@netbird-proxy/proto/grpc";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { registerDevice } from "../../../src/commands/peers.ts";
import { createService } from "../../../src/commands/services.ts";
import { sessionTag } from "../../../src/domain/session-tag.ts";
import { readServiceStatuses } from "../../../src/reconcile/service-status.ts";
import { readSession, signSession } from "../../../src/secrets/session-token.ts";
import { listAccessLogs } from "../../../src/store/access-logs.ts";
import { listPeers } from "../../../src/store/peers.ts";
import { SESSION_KEY_PURPOSE, type StoredService } from "../../../src/store/services.ts";
import { chargeSignIn } from "../../../src/store/sign-in-attempts.ts";
import { insertUser, updateUser } from "../../../src/store/users.ts";
import {
  answer,
  bearer,
  CLUSTER,
  type ControlPlane,
  clientsOf,
  connectScriptedProxy,
  directTarget,
  newKey,
  type ScriptedProxy,
  serviceRequest,
  startControlPlane,
} from "../../support/control-plane.ts";

type Client = management.ProxyServiceClient;

suite("calls of a proxy", () => {
  let plane: ControlPlane;
  let token: string;
  let proxy: ScriptedProxy;
  setup(async () => {
    plane = await startControlPlane();
    token = await plane.token();
    proxy = connectScriptedProxy(plane, { token });
    await proxy.synced();
  });
  teardown(() => plane.close());

  const call = <Response>(
    run: (
      client: Client,
      metadata: Metadata,
      done: (error: ServiceError | null, response: Response) => void,
    ) => unknown,
    metadata: Metadata = proxy.metadata,
  ) => answer<Response>((done) => run(proxy.clients.proxyService, metadata, done));

  const failsWith = (code: Status) => (error: unknown) => (error as ServiceError).code === code;
  const trailerOf = (error: unknown) =>
    JSON.parse(String((error as ServiceError).metadata.get("netbird-error")[0])) as Record<string, string>;

  async function foreignToken(): Promise<Metadata> {
    const { db } = plane.store;
    await db("accounts").insert({ ...(await db("accounts").first()), id: "another" });
    return bearer(await plane.token("another" as typeof plane.account));
  }

  suite("who may call", () => {
    const log = (metadata: Metadata) =>
      call((client, _, done) =>
        client.sendAccessLog({ log: management.AccessLog.fromPartial({}) }, metadata, done),
      );

    test("no token, half a token, an unknown one and somebody else's kind are all unauthenticated", async () => {
      const { Metadata } = await import("@grpc/grpc-js");
      const wrong = [
        new Metadata(),
        bearer(token.slice(0, -1)),
        bearer(`${token.slice(0, 10)}${"x".repeat(30)}`),
        bearer(token.replace("nbx_", "nba_")),
      ];
      const codes: (string | undefined)[] = [];
      for (const metadata of wrong) {
        await assert.rejects(log(metadata), (error) => {
          assert.equal((error as ServiceError).code, Status.UNAUTHENTICATED);
          codes.push(trailerOf(error).code);
          return true;
        });
      }
      assert.equal(codes[0], "auth.missing_token");
    });

    test("gRPC weakness 11: an address that keeps failing is told to wait, while good tokens behind it go on working", async () => {
      const bad = bearer("nbx_nonsense");
      for (let n = 0; n < 5; n += 1) await assert.rejects(log(bad), failsWith(Status.UNAUTHENTICATED));
      await assert.rejects(log(bad), failsWith(Status.RESOURCE_EXHAUSTED));
      await log(proxy.metadata);
      plane.clock.aheadMs += 13_000;
      await assert.rejects(log(bad), failsWith(Status.UNAUTHENTICATED));
    });

    test("an expired token is refused", async () => {
      await plane.store.db("proxy_tokens").update({ expires_at: plane.context.nowMs() - 1 });
      await assert.rejects(log(proxy.metadata), (error) => trailerOf(error).code === "auth.expired_token");
    });

    test("the use of a token is noted, at most once a minute", async () => {
      const lastUsed = async () => (await plane.store.db("proxy_tokens").first()).last_used;
      const first = await lastUsed();
      await log(proxy.metadata);
      assert.equal(await lastUsed(), first);
      plane.clock.aheadMs += 61_000;
      await log(proxy.metadata);
      assert.ok((await lastUsed()) > first);
    });
  });

  suite("signing in", () => {
    const authenticate = (
      service: StoredService,
      request: management.AuthenticateRequest["request"],
      clientAddress = "",
    ) =>
      call<management.AuthenticateResponse>((client, metadata, done) =>
        client.authenticate(
          { id: service.id, accountId: plane.account, request, clientAddress },
          metadata,
          done,
        ),
      );
    const password = (value: string) => ({ $case: "password" as const, value: { password: value } });
    const pin = (value: string) => ({ $case: "pin" as const, value: { pin: value } });
    const header = (headerName: string, headerValue: string) => ({
      $case: "headerAuth" as const,
      value: { headerName, headerValue },
    });
    const locked = () =>
      createService(
        plane.context,
        plane.actor,
        serviceRequest("locked", {
          auth: {
            password_auth: { enabled: true, password: "open sesame" },
            pin_auth: { enabled: true, pin: "123456" },
            header_auths: [
              { enabled: true, header: "X-Api-Key", value: "k-1" },
              { enabled: false, header: "X-Old-Key", value: "k-0" },
            ],
          },
        }),
      );

    test("a right secret gives a session of the service that proxies can check", async () => {
      const service = await locked();
      for (const [request, method] of [
        [password("open sesame"), "password"],
        [pin("123456"), "pin"],
        [header("x-api-key", "k-1"), "header"],
        [header("", "k-1"), "header"],
      ] as const) {
        const { success, sessionToken } = await authenticate(service, request);
        assert.equal(success, true);
        assert.deepEqual(decodeProtectedHeader(sessionToken), { alg: "EdDSA", typ: "JWT" });
        const { iss, sub, aud, exp, iat, nbf, method: claimed } = decodeJwt(sessionToken);
        assert.deepEqual(
          [iss, sub, aud, exp! - iat!, nbf, claimed],
          ["netbird-management", `${method}-user`, [service.domain], 86_400, iat, method],
        );
        const nowMs = plane.context.nowMs();
        const read = (domain: string, atMs: number) =>
          readSession({ ...service, domain }, sessionToken, atMs);
        assert.equal(await read(service.domain, nowMs), `${method}-user`);
        assert.equal(await read("other.example.net", nowMs), undefined);
        assert.equal(await read(service.domain, nowMs + 86_401_000), undefined);
      }
    });

    test("a wrong secret, a disabled entry, another header and no secret are answers, not failures", async () => {
      const service = await locked();
      for (const request of [
        password("open"),
        password(""),
        pin("000000"),
        header("X-Old-Key", "k-0"),
        header("X-Other", "k-1"),
        undefined,
      ]) {
        const { success, sessionToken } = await authenticate(service, request);
        assert.deepEqual([success, sessionToken], [false, ""]);
      }
    });

    test("an address that guesses waits longer and longer, and nobody else does", async () => {
      const service = await locked();
      const from = (address: string, value: string) => authenticate(service, pin(value), address);
      for (let left = 9; left >= 0; left -= 1) {
        const { success, attemptsLeft } = await from("192.0.2.1", "000000");
        assert.deepEqual([success, attemptsLeft], [false, left]);
      }
      const refusal = await from("192.0.2.1", "123456");
      assert.deepEqual(
        [refusal.success, refusal.attemptsLeft, refusal.retryAfterSeconds],
        [false, 0, 10],
        "the right one is not even looked at",
      );
      assert.equal((await authenticate(service, password("open sesame"), "192.0.2.1")).success, true);
      assert.equal((await from("192.0.2.2", "123456")).success, true);
      plane.clock.aheadMs += 10_100;
      assert.equal((await from("192.0.2.1", "000000")).attemptsLeft, 0);
      assert.equal((await from("192.0.2.1", "123456")).retryAfterSeconds, 20);
      plane.clock.aheadMs += 20_100;
      assert.equal((await from("192.0.2.1", "123456")).success, true);
      assert.equal((await from("192.0.2.1", "000000")).attemptsLeft, 9, "clean again");
    });

    test("all addresses together have a budget, of which first attempts keep a part", async () => {
      const service = await locked();
      const charge = (address: string) =>
        chargeSignIn(
          plane.store.db,
          { serviceId: service.id, method: "pin", address },
          plane.context.nowMs(),
        );
      let passed = 0;
      for (let n = 0; n < 1_000; n += 1) if ((await charge(`10.0.0.${n % 50}`)).ok) passed += 1;
      assert.equal(passed, 150, "the first attempts of fifty, and a hundred more");
      assert.equal((await authenticate(service, pin("123456"), "192.0.2.1")).success, true);
      assert.equal((await authenticate(service, pin("000000"), "192.0.2.1")).success, false);
      assert.equal((await authenticate(service, pin("123456"), "192.0.2.1")).retryAfterSeconds, 10);
    });

    test("attempts of the same moment are all counted, and proxies that name no address count together", async () => {
      const service = await locked();
      const now = await Promise.all(
        Array.from({ length: 30 }, () => authenticate(service, pin("000000"), "192.0.2.1")),
      );
      assert.equal(now.filter(({ retryAfterSeconds }) => retryAfterSeconds === 0).length, 10);
      let looked = 0;
      for (let n = 0; n < 8; n += 1) {
        const some = await Promise.all(
          Array.from({ length: 15 }, () => authenticate(service, password("wrong"))),
        );
        looked += some.filter(({ retryAfterSeconds }) => retryAfterSeconds === 0).length;
      }
      assert.equal(looked, 100);
    });

    test("header credentials are counted too; one that was right lately is not looked at again", async () => {
      const service = await locked();
      const from = (value: string) => authenticate(service, header("X-Api-Key", value), "192.0.2.1");
      assert.equal((await from("k-1")).success, true);
      for (let n = 0; n < 10; n += 1) assert.equal((await from(`wrong ${n}`)).success, false);
      assert.equal((await from("k-2")).retryAfterSeconds, 10);
      assert.equal((await from("k-1")).success, true);
    });

    test("a service that does not exist, or is another account's, is told apart from a wrong secret", async () => {
      const service = await locked();
      await assert.rejects(
        authenticate({ ...service, id: "gone" as never }, password("x")),
        failsWith(Status.FAILED_PRECONDITION),
      );
      const foreign = await foreignToken();
      await assert.rejects(
        call((client, _, done) =>
          client.authenticate(
            {
              id: service.id,
              accountId: plane.account,
              request: password("open sesame"),
              clientAddress: "",
            },
            foreign,
            done,
          ),
        ),
        failsWith(Status.PERMISSION_DENIED),
      );
    });

    test("gRPC weakness 22: hashes stay on the server", async () => {
      const service = await locked();
      await proxy.until((held) => held.has(service.id));
      const { auth } = proxy.held.get(service.id)!;
      assert.deepEqual([auth?.password, auth?.pin, auth?.oidc], [true, true, false]);
      assert.deepEqual(auth?.headerAuths, [{ header: "X-Api-Key", hashedValue: "" }]);
      assert.equal(Buffer.from(auth!.sessionKey, "base64").length, 32);
    });
  });

  suite("sessions and peers", () => {
    const validate = (domain: string, sessionToken: string) =>
      call<management.ValidateSessionResponse>((client, metadata, done) =>
        client.validateSession({ domain, sessionToken }, metadata, done),
      );
    const validatePeer = (domain: string, tunnelIp: string) =>
      call<management.ValidateTunnelPeerResponse>((client, metadata, done) =>
        client.validateTunnelPeer({ domain, tunnelIp }, metadata, done),
      );
    async function user(change = {}) {
      const id = "u1" as UserId;
      await insertUser(plane.store.db, {
        id,
        accountId: plane.account,
        email: "ann@example.com",
        name: "Ann",
        role: "user",
        passwordHash: null,
        isServiceUser: false,
        isBlocked: false,
        pendingApproval: false,
        issued: "api",
        autoGroups: [],
        lastLogin: null,
        signedOutAt: null,
        createdAt: 0,
        ...change,
      });
      return id;
    }
    const sessionFor = (service: StoredService, subject: string) =>
      signSession(
        plane.store.secrets.open(service.sessionPrivateKey, SESSION_KEY_PURPOSE),
        service.domain,
        { subject, method: "oidc", tag: sessionTag(service, "oidc") },
        plane.context.nowMs(),
      );
    const allGroup = async () => (await plane.store.db("groups").first("id")).id as string;

    test("a session is good while its user is", async () => {
      const group = await allGroup();
      const service = await plane.service("shop", {
        public: undefined,
        auth: { bearer_auth: { enabled: true, distribution_groups: [group] } },
      });
      const id = await user({ autoGroups: [group] });
      const session = await sessionFor(service, id);
      assert.deepEqual(await validate(service.domain.toUpperCase(), session), {
        valid: true,
        userId: id,
        userEmail: "ann@example.com",
        deniedReason: "",
        peerGroupIds: [group],
        peerGroupNames: ["All"],
      });
      const denial = async (change: object) => {
        await updateUser(plane.store.db, plane.account, id, change);
        const { valid, deniedReason } = await validate(service.domain, session);
        assert.equal(valid, false);
        return deniedReason;
      };
      assert.equal(await denial({ autoGroups: [] }), "not_in_group");
      assert.equal(await denial({ isBlocked: true }), "user_blocked");
      assert.equal(await denial({ pendingApproval: true }), "pending_approval");
      assert.equal(
        (await validate(service.domain, await sessionFor(service, "nobody"))).deniedReason,
        "user_not_found",
      );
      assert.equal((await validate(service.domain, "x.y.z")).deniedReason, "invalid_token");
      assert.equal((await validate("nowhere.example.net", session)).deniedReason, "service_not_found");
      assert.equal((await validate("", session)).deniedReason, "missing domain or session_token");
    });

    test("gRPC weakness 21: a peer is known by its address in the service's account, and passes by its groups", async () => {
      const group = await allGroup();
      const open = await plane.service("open");
      const secret = await plane.service("secret", {
        public: undefined,
        private: true,
        access_groups: [group],
      });
      const { peer } = await registerDevice(plane.context, plane.actor, {
        name: "phone",
        publicKey: newKey(),
        groups: [],
        withPresharedKey: false,
      });
      const passed = await validatePeer(secret.domain, peer.ip);
      assert.deepEqual(
        [passed.valid, passed.userId, passed.userEmail, passed.peerGroupNames],
        [true, peer.id, "phone", ["All"]],
      );
      const claims = decodeJwt(passed.sessionToken);
      assert.deepEqual([claims.sub, claims.method, claims.group_names], [peer.id, "oidc", ["All"]]);
      assert.equal((await validatePeer(open.domain, peer.ipv6!)).valid, true);
      // Weakness 6 of the reference: every peer of the network passed where a PIN was asked for.
      for (const [name, auth] of Object.entries({
        pin: { pin_auth: { enabled: true, pin: "123456" } },
        header: { header_auths: [{ enabled: true, header: "X-Key", value: "v" }] },
        tokens: { token_auth: { enabled: true } },
      })) {
        const closed = await plane.service(name, { public: undefined, auth });
        const { valid, deniedReason, sessionToken } = await validatePeer(closed.domain, peer.ip);
        assert.deepEqual([valid, deniedReason, sessionToken], [false, "no_single_sign_on", ""], name);
      }
      await plane.store.db("group_peers").delete();
      assert.equal((await validatePeer(secret.domain, peer.ip)).deniedReason, "not_in_group");
      assert.equal((await validatePeer(open.domain, "100.64.0.1")).deniedReason, "peer_not_found");
      assert.equal((await validatePeer(open.domain, "phone")).deniedReason, "invalid_tunnel_ip");
      assert.equal((await validatePeer("nowhere.example.net", peer.ip)).deniedReason, "service_not_found");
    });

    test("another account's service is out of reach", async () => {
      const service = await plane.service("shop");
      const foreign = await foreignToken();
      await assert.rejects(
        call((client, _, done) =>
          client.validateTunnelPeer({ domain: service.domain, tunnelIp: "100.64.0.1" }, foreign, done),
        ),
        failsWith(Status.PERMISSION_DENIED),
      );
    });

    test("a visitor is sent to the identity provider of the service's account only", async () => {
      const sso = { public: undefined, auth: { bearer_auth: { enabled: true, distribution_groups: [] } } };
      await plane.service("shop", sso);
      await plane.service("open");
      const ask = (redirectUrl: string) =>
        call<management.GetOIDCURLResponse>((client, metadata, done) =>
          client.getOidcurl(
            { id: "x", accountId: plane.account, redirectUrl, browserHash: Buffer.alloc(0) },
            metadata,
            done,
          ),
        );
      const url = new URL((await ask(`https://shop.${CLUSTER}:8443/deep/link?a=b`)).url);
      assert.equal(url.origin + url.pathname, "https://netbird.example.com/oauth2/auth");
      const query = Object.fromEntries(url.searchParams);
      assert.equal(query.redirect_uri, "https://netbird.example.com/api/reverse-proxy/callback");
      assert.equal(query.code_challenge_method, "S256");
      assert.ok(query.state && query.nonce && query.code_challenge);
      const rows = await plane.store.db("pending_sign_ins");
      assert.equal(rows.length, 1);
      assert.ok(!JSON.stringify(rows).includes(query.state), "the state is kept in clear");
      for (const [redirectUrl, code] of [
        [`https://open.${CLUSTER}/`, Status.FAILED_PRECONDITION],
        ["https://elsewhere.example.org/", Status.FAILED_PRECONDITION],
        [`ftp://shop.${CLUSTER}/`, Status.INVALID_ARGUMENT],
        ["shop", Status.INVALID_ARGUMENT],
      ] as const) {
        await assert.rejects(ask(redirectUrl), failsWith(code), redirectUrl);
      }
    });
  });

  suite("a stock proxy", () => {
    const createPeer = (request: Partial<management.CreateProxyPeerRequest>) =>
      call<management.CreateProxyPeerResponse>((client, metadata, done) =>
        client.createProxyPeer(
          management.CreateProxyPeerRequest.fromPartial({
            accountId: plane.account,
            wireguardPublicKey: newKey(),
            cluster: CLUSTER,
            ...request,
          }),
          metadata,
          done,
        ),
      );
    async function mapped(name = "shop") {
      const service = await plane.service(name);
      await proxy.until((held) => held.has(service.id));
      return { service, oneTime: proxy.held.get(service.id)!.authToken };
    }

    test("gRPC weakness 18: exchanges a mapping's token for a peer, once", async () => {
      const { service, oneTime } = await mapped();
      const key = newKey();
      const request = { serviceId: service.id, token: oneTime, wireguardPublicKey: key };
      const results = await Promise.allSettled([
        createPeer(request),
        createPeer(request),
        createPeer(request),
      ]);
      assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
      const failed = results.find((result): result is PromiseRejectedResult => result.status === "rejected");
      assert.equal((failed!.reason as ServiceError).code, Status.UNAUTHENTICATED);
      const [peer] = await listPeers(plane.store.db, plane.account);
      assert.deepEqual(
        [peer?.kind, peer?.publicKey, peer?.cluster, peer?.ephemeral, peer?.os],
        ["proxy", key, CLUSTER, true, "proxy"],
      );
      assert.match(peer!.name, /^proxy-[0-9a-v]{20}$/);
      assert.deepEqual(await plane.store.db("group_peers"), []);
    });

    test("a token is good for its service and five minutes only; a known key makes no second peer", async () => {
      const { service, oneTime } = await mapped();
      const other = await mapped("blog");
      await assert.rejects(
        createPeer({ serviceId: service.id, token: other.oneTime }),
        failsWith(Status.UNAUTHENTICATED),
      );
      const key = newKey();
      await createPeer({ serviceId: service.id, token: oneTime, wireguardPublicKey: key });
      const again = await createPeer({
        serviceId: other.service.id,
        token: other.oneTime,
        wireguardPublicKey: key,
      });
      assert.equal(again.success, true);
      assert.equal((await listPeers(plane.store.db, plane.account)).length, 1);
      const late = await mapped("late");
      plane.clock.aheadMs += 5 * 60_000 + 1;
      await assert.rejects(
        createPeer({ serviceId: late.service.id, token: late.oneTime }),
        failsWith(Status.UNAUTHENTICATED),
      );
      assert.equal((await createPeer({ serviceId: "", token: "x" })).success, false);
    });

    test("reports a status that counts for itself, and for the version that it acknowledged", async () => {
      const second = connectScriptedProxy(plane, { token, proxyId: "proxy-2" });
      await second.synced();
      const { service } = await mapped();
      const send = (client: Client, status: management.ProxyStatus, change = {}) =>
        answer((done) =>
          client.sendStatusUpdate(
            management.SendStatusUpdateRequest.fromPartial({
              serviceId: service.id,
              accountId: plane.account,
              status,
              ...change,
            }),
            proxy.metadata,
            done,
          ),
        );
      const { PROXY_STATUS_ACTIVE, PROXY_STATUS_ERROR } = management.ProxyStatus;
      await send(proxy.clients.proxyService, PROXY_STATUS_ACTIVE, { certificateIssued: true });
      await send(second.clients.proxyService, PROXY_STATUS_ERROR, { errorMessage: "port in use" });
      const statusOf = async () =>
        (await readServiceStatuses(plane.store.db, plane.account, undefined, plane.context.nowMs())).get(
          service.id,
        )!;
      const mixed = await statusOf();
      assert.deepEqual(
        [mixed.state, mixed.liveOn, mixed.reason?.message],
        ["error", ["proxy-1"], "proxy proxy-2 reported an error: port in use"],
      );
      await send(second.clients.proxyService, PROXY_STATUS_ACTIVE);
      assert.deepEqual((await statusOf()).state, "active");
      const row = await plane.store.db("services").where({ id: service.id }).first();
      assert.ok(row.certificate_issued_at > 0);
      await assert.rejects(
        send(proxy.clients.proxyService, PROXY_STATUS_ACTIVE, { serviceId: "gone" }),
        failsWith(Status.NOT_FOUND),
      );
      await assert.rejects(send(proxy.clients.proxyService, 17 as never), failsWith(Status.INVALID_ARGUMENT));
    });
  });

  suite("access logs", () => {
    const send = (log: Partial<management.AccessLog>, metadata = proxy.metadata) =>
      call((client, _, done) =>
        client.sendAccessLog(
          { log: management.AccessLog.fromPartial({ accountId: plane.account, protocol: "http", ...log }) },
          metadata,
          done,
        ),
      );
    const stored = async () =>
      (await listAccessLogs(plane.store.db, plane.account, { offset: 0, limit: 500 })).entries;

    test("an entry is stored with the reason that it implies and the client's plain address", async () => {
      await send({
        logId: "l1",
        serviceId: "s1",
        timestamp: { seconds: 1_700_000_000n, nanos: 5_000_000 },
        host: "shop.example.net",
        path: "/cart",
        method: "GET",
        responseCode: 502,
        durationMs: 12n,
        sourceIp: "::ffff:203.0.113.9",
        authSuccess: true,
        bytesDownload: 7n,
        metadata: { a: "b" },
      });
      const [entry] = await stored();
      assert.deepEqual(
        [entry?.id, entry?.timestamp, entry?.statusCode, entry?.reason, entry?.sourceIp, entry?.metadata],
        ["l1", 1_700_000_000_005, 502, "Request failed", "203.0.113.9", { a: "b" }],
      );
      await send({ logId: "l2", responseCode: 401 });
      await send({ logId: "l3", protocol: "tcp" });
      const reasons = Object.fromEntries((await stored()).map(({ id, reason }) => [id, reason]));
      assert.deepEqual(reasons, { l1: "Request failed", l2: "Authentication failed", l3: "" });
    });

    test("many at once are stored once each, also when they come twice", async () => {
      await Promise.all(Array.from({ length: 300 }, (_, n) => send({ logId: `l${n % 150}` })));
      assert.equal((await stored()).length, 150);
    });

    const sendMany = (logs: Partial<management.AccessLog>[], metadata = proxy.metadata) =>
      answer((done) =>
        proxy.clients.proxyControl.sendAccessLogs(
          {
            logs: logs.map((log) =>
              management.AccessLog.fromPartial({ accountId: plane.account, protocol: "http", ...log }),
            ),
          },
          metadata,
          done,
        ),
      );

    test("a call with many is stored when it is answered; sent again, nothing comes twice", async () => {
      const logs = Array.from({ length: 1_000 }, (_, n) => ({ logId: `l${n}` }));
      await sendMany(logs);
      await sendMany(logs);
      const row = await plane.store.db("access_logs").count({ n: "*" }).first();
      assert.equal(Number(row?.n), 1_000);
      await assert.rejects(sendMany([...logs, { logId: "more" }]), failsWith(Status.INVALID_ARGUMENT));
    });

    test("one entry of another account refuses the whole call", async () => {
      await assert.rejects(
        sendMany([{ logId: "own", accountId: plane.account }], await foreignToken()),
        failsWith(Status.PERMISSION_DENIED),
      );
      assert.deepEqual(await stored(), []);
    });

    test("the country of an address is filled in", async () => {
      await sendMany([
        { logId: "l1", sourceIp: "::ffff:203.0.113.9" },
        { logId: "l2", sourceIp: "192.0.2.1" },
      ]);
      const countries = Object.fromEntries((await stored()).map(({ id, countryCode }) => [id, countryCode]));
      assert.deepEqual(countries, { l1: "NL", l2: "" });
    });

    test("requests for unknown hosts are dropped, other accounts' refused", async () => {
      await send({ accountId: "" });
      await assert.rejects(send({}, await foreignToken()), failsWith(Status.PERMISSION_DENIED));
      assert.deepEqual(await stored(), []);
    });
  });

  test("limits of language models are not implemented", async () => {
    await assert.rejects(
      call((client, metadata, done) =>
        client.checkLlmPolicyLimits(management.CheckLLMPolicyLimitsRequest.fromPartial({}), metadata, done),
      ),
      failsWith(Status.UNIMPLEMENTED),
    );
  });

  test("a failure nobody expected tells the caller nothing", async () => {
    await plane.store.db.schema.dropTable("access_logs");
    await assert.rejects(
      call((client, metadata, done) =>
        client.sendAccessLog(
          { log: management.AccessLog.fromPartial({ accountId: plane.account }) },
          metadata,
          done,
        ),
      ),
      (error) => failsWith(Status.INTERNAL)(error) && (error as ServiceError).details === "internal error",
    );
  });

  test("the target of a service on a peer is the peer's address", async () => {
    const { peer } = await registerDevice(plane.context, plane.actor, {
      name: "box",
      publicKey: newKey(),
      groups: [],
      withPresharedKey: false,
    });
    const service = await plane.service("box", {
      targets: [directTarget({ target_id: peer.id, target_type: "peer", host: "", options: undefined })],
    });
    await proxy.until((held) => held.has(service.id));
    const [path] = proxy.held.get(service.id)!.path;
    assert.deepEqual([path?.target, path?.peerId, path?.position], [`http://${peer.ip}:8080/`, peer.id, 0]);
    assert.ok(clientsOf(plane));
  });
});

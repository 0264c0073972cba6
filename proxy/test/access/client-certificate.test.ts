import assert from "node:assert/strict";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { Agent, request } from "node:https";
import { type AddressInfo, connect as connectTcp, createServer } from "node:net";
import { connect as connectTls } from "node:tls";
import {
  createAuthority,
  issueCertificate,
  issueClientCertificate,
  type PemPair,
} from "../../../scripts/stack/local-ca.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { get } from "../support/client.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, sessionToken } from "../support/sessions.ts";

const HOST = "mutual.example.test";
const OTHER = "other.example.test";
const PLAIN = "plain.example.test";

/** Of the messages up to the change to encrypted ones. */
function handshakeTypes(records: Buffer): number[] {
  const parts: Buffer[] = [];
  for (let at = 0; at + 5 <= records.length && records[at] === 22; at += 5 + records.readUInt16BE(at + 3)) {
    parts.push(records.subarray(at + 5, at + 5 + records.readUInt16BE(at + 3)));
  }
  const messages = Buffer.concat(parts);
  const types: number[] = [];
  for (let at = 0; at + 4 <= messages.length; at += 4 + messages.readUIntBE(at + 1, 3)) {
    types.push(messages[at]!);
  }
  return types;
}

suite("client certificates", () => {
  let proxy: TestProxy;
  let backend: Backend;
  let ours: PemPair;
  let theirs: PemPair;
  let seen: Record<string, unknown>[];

  suiteSetup(async () => {
    proxy = await startTestProxy();
    [ours, theirs] = [await createAuthority("Ours"), await createAuthority("Theirs")];
    seen = [];
    backend = await startBackend((call, response) => {
      seen.push(call.headers);
      response.end("inside");
    });
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });
  setup(async () => {
    seen.length = 0;
    await publish(ours.certificate);
  });

  const publish = (clientAuthorityPem: string, more: object = {}) =>
    proxy.management.apply(
      httpService("mutual", HOST, backend.url, { auth: authentication({ clientAuthorityPem, ...more }) }),
      httpService("other", OTHER, backend.url, {
        auth: authentication({ clientAuthorityPem: theirs.certificate }),
      }),
      httpService("plain", PLAIN, backend.url),
    );

  const agentWith = (client?: PemPair) =>
    new Agent({
      ca: proxy.ca,
      ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
      maxCachedSessions: 0,
    });
  const ask = (client?: PemPair, more: object = {}) =>
    get({ port: proxy.port, ca: proxy.ca, host: HOST, agent: agentWith(client), ...more });

  test("one of the service's authority lets in, and the target learns whose it is", async () => {
    const reply = await ask(await issueClientCertificate(ours, "build machine 7"));
    assert.deepEqual([reply.status, reply.body], [200, "inside"]);
    assert.equal(seen[0]!["x-netbird-user"], "certificate:build machine 7");
    assert.equal(proxy.management.authentications.length, 0, "nobody was asked");
  });

  for (const [what, make] of Object.entries({
    "no certificate": async () => undefined,
    "one of another authority": async () => issueClientCertificate(theirs, "stranger"),
    "an authority of the same name": async () =>
      issueClientCertificate(await createAuthority("Ours"), "forger"),
    "an expired one": async () => issueClientCertificate(ours, "late", -1),
    "one that is for servers": async () => issueCertificate(ours, ["server.example.test"]),
  } as Record<string, () => Promise<PemPair | undefined>>)) {
    test(`${what}: the handshake succeeds, the request is refused`, async () => {
      const reply = await ask(await make());
      assert.deepEqual([reply.status, JSON.parse(reply.body).code], [401, "access.login_required"]);
      assert.equal(seen.length, 0);
    });
  }

  test("other methods of the service still work without one", async () => {
    await publish(ours.certificate, { pin: true });
    const cookie = `nb_session=${await sessionToken({ audience: HOST, method: "pin", sub: "pin-user" })}`;
    assert.equal((await ask(undefined, { headers: { cookie } })).status, 200);
  });

  test("is not asked for by services that take none", async () => {
    assert.deepEqual([await isAsked(HOST), await isAsked(PLAIN)], [true, false]);
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: PLAIN })).status, 200);
  });

  /** TLS 1.2 shows the server's messages in clear: type 13 is the CertificateRequest (RFC 5246 §7.4.4). */
  async function isAsked(servername: string): Promise<boolean> {
    const received: Buffer[] = [];
    const relay = createServer((visitor) => {
      const onwards = connectTcp(proxy.port, "127.0.0.1");
      onwards.on("data", (chunk: Buffer) => received.push(chunk));
      for (const socket of [visitor, onwards]) socket.on("error", () => {});
      visitor.pipe(onwards).pipe(visitor);
    });
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    const { port } = relay.address() as AddressInfo;
    const socket = connectTls({ host: "127.0.0.1", port, ca: proxy.ca, servername, maxVersion: "TLSv1.2" });
    await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    socket.destroy();
    relay.close();
    return handshakeTypes(Buffer.concat(received)).includes(13);
  }

  test("a WebSocket handshake is let in with one only", async () => {
    const headers = { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
    assert.equal((await ask(undefined, { headers })).status, 401);
    assert.equal(seen.length, 0);
    await ask(await issueClientCertificate(ours, "machine"), { headers });
    assert.equal(seen.length, 1);
  });

  test("a connection of one service does not open another one: 421, so that the client asks anew", async () => {
    const client = await issueClientCertificate(ours, "machine");
    const reply = await ask(client, { serverName: HOST, headers: { host: OTHER } });
    assert.deepEqual([reply.status, reply.headers.connection], [421, "close"]);
    const session: ClientHttp2Session = connectHttp2(`https://${PLAIN}:${proxy.port}`, {
      ca: proxy.ca,
      servername: PLAIN,
      lookup: (_name, options, callback) =>
        options.all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4),
    });
    const status = await new Promise((resolve, reject) => {
      session.once("error", reject);
      const stream = session.request({ ":path": "/", ":authority": HOST });
      stream.once("response", (headers) => resolve(headers[":status"]));
      stream.resume();
    });
    session.destroy();
    assert.equal(status, 421);
    assert.equal(seen.length, 0);
  });

  test("replacing the authority shuts those of the old one out, on open connections too", async () => {
    const client = await issueClientCertificate(ours, "machine");
    const agent = new Agent({
      ca: proxy.ca,
      cert: client.certificate,
      key: client.key,
      keepAlive: true,
      maxSockets: 1,
    });
    const over = () =>
      new Promise<{ status: number; resumed: boolean }>((resolve, reject) => {
        const call = request(
          { host: "127.0.0.1", port: proxy.port, servername: HOST, agent, headers: { host: HOST } },
          (response) => {
            const { socket } = response as unknown as { socket: { isSessionReused(): boolean } };
            const resumed = socket.isSessionReused();
            response.resume().once("end", () => resolve({ status: response.statusCode!, resumed }));
          },
        );
        call.once("error", reject).end();
      });
    assert.equal((await over()).status, 200);
    await publish(theirs.certificate);
    assert.equal((await over()).status, 421);
    const anew = await over();
    assert.deepEqual(anew, { status: 401, resumed: false });
    agent.destroy();
    await publish(ours.certificate);
    assert.equal((await ask(client)).status, 200);
  });
});

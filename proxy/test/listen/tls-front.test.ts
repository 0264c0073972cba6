import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { issueCertificate } from "../../../scripts/stack/local-ca.ts";
import { CertificateStore } from "../../src/cert/certificate-store.ts";
import { TlsFront } from "../../src/listen/tls-front.ts";
import { createLogger } from "../../src/observe/log.ts";
import { until } from "../support/management-server.ts";
import { testAuthority } from "../support/proxy.ts";

suite("sessions of TLS", () => {
  let folder: string;
  let store: CertificateStore;
  let front: TlsFront | undefined;
  let server: Server;

  async function put(name: string, ...domains: string[]): Promise<void> {
    const pair = await issueCertificate(await testAuthority(), domains);
    mkdirSync(join(folder, "more"), { recursive: true });
    writeFileSync(join(folder, `${name}.crt`), pair.certificate);
    writeFileSync(join(folder, `${name}.key`), pair.key);
  }

  async function start({ ticketKeyMs }: { ticketKeyMs?: number } = {}): Promise<void> {
    folder = mkdtempSync(join(tmpdir(), "tls-front-"));
    await put("tls", "a.test");
    await put("more/b", "*.b.test");
    store = new CertificateStore({
      certFile: join(folder, "tls.crt"),
      keyFile: join(folder, "tls.key"),
      wildcardDirectory: join(folder, "more"),
      log: createLogger("error", { write: () => {} }),
      onChange: () => front?.certificatesChanged(),
      onReload: () => {},
      watch: { debounceMs: 20, pollMs: 60_000 },
    });
    await store.start();
    front = new TlsFront({
      certificates: store,
      maxHeaderBytes: 16_384,
      onRequest: () => {},
      onHandshakeFailed: () => {},
      ...(ticketKeyMs === undefined ? {} : { ticketKeyMs }),
    });
    server = createServer((socket) => front!.take(socket, undefined));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  }

  teardown(async () => {
    server.close();
    store.close();
    front?.close();
    front = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  /** @returns a session to come back with, and whether the one given was taken */
  async function visit(servername: string, session?: Buffer): Promise<{ session: Buffer; resumed: boolean }> {
    const ca = (await testAuthority()).certificate;
    const { port } = server.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port, servername, ca, session });
      socket.on("error", reject);
      let ticket = session;
      socket.on("session", (given) => {
        ticket = given;
      });
      socket.once("secureConnect", () => {
        const resumed = socket.isSessionReused();
        // TLS 1.3 sends tickets after the handshake; who comes with one need not get another.
        setTimeout(() => {
          socket.destroy();
          if (ticket === undefined) reject(new Error("there was no ticket"));
          else resolve({ session: ticket, resumed });
        }, 50);
      });
    });
  }

  test("are resumed, on every certificate, also when another one was replaced meanwhile", async () => {
    await start();
    const first = await visit("x.b.test");
    assert.equal(first.resumed, false);
    const second = await visit("x.b.test", first.session);
    assert.equal(second.resumed, true);
    const before = store.fallback!.leaf.serialNumber;
    await put("tls", "a.test");
    await until(() => store.fallback!.leaf.serialNumber !== before, "the new pair");
    assert.equal((await visit("x.b.test", second.session)).resumed, true);
  });

  test("end with the key of their tickets", async () => {
    await start({ ticketKeyMs: 300 });
    const { session } = await visit("x.b.test");
    await new Promise((resolve) => setTimeout(resolve, 350));
    assert.equal((await visit("x.b.test", session)).resumed, false);
  });
});

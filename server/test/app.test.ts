import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@netbird-proxy/proto";
import { pino } from "pino";
import { startApp } from "../src/app.ts";
import { readConfig } from "../src/config.ts";

const log = pino({ level: "silent" });

suite("the whole server", () => {
  let folder = "";
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "app-"));
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  const config = (env = {}) =>
    readConfig({
      NB_SERVER_STATE_DIR: folder,
      NB_SERVER_ADDRESS: "127.0.0.1:0",
      NB_SETUP_PAT_ENABLED: "true",
      ...env,
    });

  test("answers REST, keeps its state over a restart, and closes cleanly", async () => {
    const first = await startApp(config(), log);
    const url = `http://127.0.0.1:${first.address.port}/api`;
    const made = await fetch(`${url}/setup`, {
      method: "POST",
      body: JSON.stringify({ email: "a@example.com", name: "A", password: "12345678", create_pat: true }),
    });
    const { personal_access_token: token } = (await made.json()) as { personal_access_token: string };
    await first.close();
    await assert.rejects(fetch(`${url}/instance`));

    const second = await startApp(config(), log);
    const groups = await fetch(`http://127.0.0.1:${second.address.port}/api/groups`, {
      headers: { authorization: `Token ${token}` },
    });
    assert.equal(groups.status, 200);
    await groups.json();
    await second.close();
  });

  test("a request that is under way is answered before the server stops, and its connection is closed", async () => {
    const app = await startApp(config(), log);
    const socket = connect(app.address.port, "127.0.0.1");
    let answer = "";
    socket.setEncoding("utf8").on("data", (chunk) => {
      answer += chunk;
    });
    const body = JSON.stringify({ email: "a@example.com", name: "A", password: "12345678" });
    socket.write(
      `POST /api/setup HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
    );
    // Let the head arrive, so that the request is under way.
    await new Promise((resolve) => setTimeout(resolve, 100));
    const closed = app.close();
    const ended = once(socket, "close");
    socket.write(body.slice(10));
    await Promise.all([closed, ended]);
    assert.match(answer, /^HTTP\/1\.1 200 OK/);
    assert.match(answer, /"user_id"/);
  });

  test("a port that is taken is named, and nothing stays open", async () => {
    const first = await startApp(config(), log);
    const taken = `127.0.0.1:${first.address.port}`;
    await assert.rejects(startApp(config({ NB_SERVER_ADDRESS: taken }), log), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "server.address_unavailable");
      assert.ok(error.message.includes(taken));
      return true;
    });
    await first.close();
  });

  test("a certificate that cannot be read is named", async () => {
    const missing = join(folder, "tls.crt");
    await assert.rejects(
      startApp(config({ NB_SERVER_TLS_CERT_FILE: missing, NB_SERVER_TLS_KEY_FILE: missing }), log),
      (error) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.code, "server.certificate_unusable");
        assert.ok(error.message.includes(missing));
        return true;
      },
    );
  });

  test("a certificate without its key is named together with the key", async () => {
    const certFile = join(folder, "tls.crt");
    const keyFile = join(folder, "tls.key");
    for (const file of [certFile, keyFile]) writeFileSync(file, "no PEM\n");
    await assert.rejects(
      startApp(config({ NB_SERVER_TLS_CERT_FILE: certFile, NB_SERVER_TLS_KEY_FILE: keyFile }), log),
      (error) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.code, "server.certificate_unusable");
        assert.ok(error.message.includes(certFile) && error.message.includes(keyFile), error.message);
        return true;
      },
    );
  });

  test("a host that has no address, and a folder that cannot be made, name their variables", async () => {
    await assert.rejects(startApp(config({ NB_SERVER_ADDRESS: "no-such-host.invalid:0" }), log), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "server.address_unavailable");
      assert.match(error.message, /no-such-host\.invalid:0/);
      assert.match(error.hint, /NB_SERVER_ADDRESS/);
      return true;
    });
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    await assert.rejects(startApp(config({ NB_SERVER_STATE_DIR: join(file, "state") }), log), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "storage.unreadable");
      assert.match(error.hint, /NB_SERVER_STATE_DIR/);
      return true;
    });
  });
});

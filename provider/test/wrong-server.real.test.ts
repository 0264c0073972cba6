import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createAuthority, issueCertificate } from "../../scripts/stack/local-ca.ts";
import { type RestServer, startRestServer } from "../../server/test/support/rest-server.ts";
import { TerraformWorkspace } from "./support/terraform.ts";

const hcl = `resource "netbird_group" "staff" {\n  name = "staff"\n}`;

suite("a server that is none, or does not let us in, is one clear error", () => {
  const closing: (() => unknown)[] = [];
  teardown(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function listen(server: Server): Promise<number> {
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  /** Applies against a server, and returns the only error, on one line. */
  async function failure(url: string, settings = "", token = "nbp_x", what = hcl): Promise<string> {
    const workspace = await TerraformWorkspace.against(url, token);
    closing.push(() => workspace.close());
    const output = await workspace.applyFails(`provider "netbird" {\n${settings}\n}\n${what}`);
    const errors = output.match(/^Error: /gm) ?? [];
    assert.equal(errors.length, 1, output);
    assert.doesNotMatch(output, /defect of the provider|Unexpected failure/);
    return output.replace(/\s+/g, " ");
  }

  const answering = (status: number, type: string, body: string) =>
    listen(
      createServer((request, response) => {
        request.resume();
        response.writeHead(status, { "content-type": type });
        response.end(body);
      }),
    );

  test("one that never answers, without trying for minutes", async () => {
    let asked = 0;
    const port = await listen(
      createServer((request) => {
        request.resume();
        asked += 1;
      }),
    );
    const text = await failure(`http://127.0.0.1:${port}`, 'request_timeout = "300ms"\npreflight = "off"');
    assert.match(text, /No answer from the server \(create netbird_group\).*no answer within 0\.3 s/);
    // The write, and the look whether it happened.
    assert.ok(asked <= 2, `asked ${asked} times`);
  });

  test("one that never answers a read, or the check of the plan", async () => {
    const paths: string[] = [];
    const port = await listen(
      createServer((request) => {
        request.resume();
        paths.push(request.url!);
      }),
    );
    const url = `http://127.0.0.1:${port}`;
    const read = await failure(url, 'request_timeout = "300ms"', "nbp_x", `data "netbird_peers" "all" {}`);
    assert.match(read, /No answer from the server \(read (data\.)?netbird_peers\).*no answer within 0\.3 s/);
    const asked = paths.splice(0).length;
    assert.ok(asked <= 2, `asked ${asked} times`);

    const written = await failure(url, 'request_timeout = "300ms"');
    assert.match(written, /No answer from the server \(create netbird_group\)/);
    // That nobody checked the plan is said, but is no reason to fail by itself.
    assert.match(written, /Warning: .*The plan was not checked by the server/);
  });

  test("one that answers with a page, with and without a status of success", async () => {
    const page = "<html><head><title>Welcome</title></head><body>It works</body></html>";
    const welcome = await failure(`http://127.0.0.1:${await answering(200, "text/html", page)}`);
    assert.match(welcome, /the answer is not JSON.*is this the address of a management server\?/);
    const missing = await failure(
      `http://127.0.0.1:${await answering(404, "text/html", "<h1>404 page not found</h1>")}`,
    );
    assert.match(missing, /Not found \(create netbird_group\).*404 page not found/);
    assert.match(missing, /Check `management_url`/);
  });

  test("one whose certificate nobody vouches for", async () => {
    const { certificate, key } = await issueCertificate(await createAuthority("Nobody"), ["localhost"]);
    const port = await listen(
      createTlsServer({ cert: certificate, key }, (_request, response) => response.end("[]")) as never,
    );
    const text = await failure(`https://localhost:${port}`, "max_retries = 0");
    assert.match(text, /No answer from the server.*certificate/);
    assert.match(text, /`ca_cert`/);
  });

  suite("the real one", () => {
    let rest: RestServer;
    let url: string;
    setup(async () => {
      rest = await startRestServer();
      closing.push(() => rest.close());
      rest.nowMs = Date.now();
      await rest.setUp();
      await rest.app.listen({ host: "127.0.0.1", port: 0 });
      url = `http://127.0.0.1:${(rest.app.server.address() as AddressInfo).port}`;
    });

    async function tokenOf(role: string, days: number): Promise<string> {
      const user = await rest.call("POST", "/users", {
        name: role,
        role,
        is_service_user: true,
        auto_groups: [],
      });
      assert.equal(user.status, 200, user.text);
      const made = await rest.call("POST", `/users/${user.body.id}/tokens`, { name: "x", expires_in: days });
      assert.equal(made.status, 200, made.text);
      return made.body.plain_token;
    }

    test("with a token that has ended", async () => {
      const token = await tokenOf("admin", 1);
      rest.nowMs += 2 * 86_400_000;
      const text = await failure(url, "", token);
      assert.match(text, /The token was not accepted.*Check `token` of the provider block.*NB_PAT/);
    });

    test("with a token that lacks the right", async () => {
      const text = await failure(url, "", await tokenOf("auditor", 1));
      assert.match(
        text,
        /Not allowed to plan netbird_group.*Role auditor may not create groups.*Ask an owner or admin/,
      );
    });

    test("under a path that it does not have", async () => {
      const text = await failure(`${url}/elsewhere`, "", rest.token);
      assert.match(text, /Not found.*Check `management_url`/);
    });
  });
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { type RestServer, startRestServer } from "../support/rest-server.ts";

suite("browsers and limits", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
  });
  teardown(() => server.close());

  test("nothing is framed, sniffed, run or kept, refusals included", async () => {
    for (const answer of [
      await server.call("GET", "/groups"),
      await server.call("GET", "/groups", undefined, null),
    ]) {
      const { headers } = answer;
      assert.deepEqual(
        [
          headers["x-content-type-options"],
          headers["x-frame-options"],
          headers["content-security-policy"],
          headers["cache-control"],
          headers["strict-transport-security"],
        ],
        ["nosniff", "DENY", "default-src 'none'; frame-ancestors 'none'", "no-store", "max-age=31536000"],
      );
    }
  });

  test("a page of a named origin may call the API, another may not", async () => {
    const ask = (origin: string) =>
      server.app.inject({
        method: "OPTIONS",
        url: "/api/groups",
        headers: { origin, "access-control-request-method": "PATCH" },
      });
    const allowed = await ask("https://dashboard.example.com");
    assert.equal(allowed.statusCode, 204);
    assert.equal(allowed.headers["access-control-allow-origin"], "https://dashboard.example.com");
    assert.match(String(allowed.headers["access-control-allow-methods"]), /PATCH/);
    assert.match(String(allowed.headers["access-control-allow-headers"]), /If-Match/);
    for (const origin of ["https://evil.example", "https://dashboard.example.com.evil.example", "null"]) {
      const refused = await ask(origin);
      assert.equal(refused.headers["access-control-allow-origin"], undefined, origin);
      assert.equal(refused.headers["access-control-allow-methods"], undefined, origin);
      assert.equal(refused.headers.vary, "Origin");
    }
    const read = await server.call("GET", "/groups", undefined, server.token, {
      origin: "https://dashboard.example.com",
    });
    assert.match(String(read.headers["access-control-expose-headers"]), /ETag/);
    assert.equal(read.headers["access-control-allow-credentials"], undefined);
  });

  test("headers and URLs above 16 KiB, and bytes that are no HTTP, get an error of the catalogue", async () => {
    await server.app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = server.app.server.address() as { port: number };
    const send = async (text: string) => {
      const socket = connect(port, "127.0.0.1");
      let answer = "";
      socket.setEncoding("utf8").on("data", (chunk) => {
        answer += chunk;
      });
      socket.write(text);
      await once(socket, "close");
      const [head, body] = answer.split("\r\n\r\n");
      return { status: Number(head!.split(" ")[1]), code: JSON.parse(body!).error.code };
    };
    const long = "x".repeat(20_000);
    assert.deepEqual(await send(`GET /${long} HTTP/1.1\r\nHost: a\r\n\r\n`), {
      status: 431,
      code: "request.headers_too_large",
    });
    assert.deepEqual(await send(`GET / HTTP/1.1\r\nHost: a\r\nCookie: ${long}\r\n\r\n`), {
      status: 431,
      code: "request.headers_too_large",
    });
    assert.deepEqual(await send("hello\r\n\r\n"), { status: 400, code: "request.malformed" });
  });
});

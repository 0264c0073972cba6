import assert from "node:assert/strict";
import { type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

suite("the edge of the REST API", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
  });
  teardown(() => server.close());

  test("the document is OpenAPI 3.1 and names every schema once", async () => {
    const document = (await server.call("GET", "/openapi.json", undefined, null)).body;
    assert.equal(document.openapi, "3.1.0");
    const post = document.paths["/api/reverse-proxies/services"].post;
    assert.deepEqual(post.requestBody.content["application/json"].schema, {
      $ref: "#/components/schemas/ServiceRequest",
    });
    assert.deepEqual(post.responses["200"].content["application/json"].schema, {
      $ref: "#/components/schemas/Service",
    });
    assert.ok(document.components.schemas.Service.properties.targets);
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
    for (const [, name] of references) assert.ok(document.components.schemas[name!], name);
    for (const path of ["/api/instance", "/api/peers/{id}/wireguard-config", "/api/setup-keys/{id}"]) {
      assert.ok(document.paths[path], path);
    }
    assert.doesNotMatch(JSON.stringify(document), /~kind/);
  });

  test("every answer has a request id and ends its line", async () => {
    const { headers, text } = await server.call("GET", "/groups");
    assert.match(String(headers["x-request-id"]), /^[0-9a-v]{20}$/);
    assert.ok(text.endsWith("\n"));
    assert.match(String(headers["content-type"]), /^application\/json; charset=utf-8$/i);
  });

  test("an unknown path or method is answered in the same shape", async () => {
    for (const [method, path] of [
      ["GET", "/nothing"],
      ["PATCH", "/groups"],
    ] as const) {
      const answer = await server.call(method, path);
      assert.deepEqual(refusal(answer), { status: 404, code: "request.not_found", path: "" });
    }
  });

  test("a body above 1 MiB is refused before it is read", async () => {
    const answer = await server.call("POST", "/groups", { name: "x".repeat(1_100_000) });
    assert.deepEqual(refusal(answer), { status: 413, code: "request.too_large", path: "" });
  });

  test("the content type does not matter", async () => {
    const response = await server.app.inject({
      method: "POST",
      url: "/api/groups",
      headers: { authorization: `Token ${server.token}`, "content-type": "text/plain" },
      payload: '{"name":"plain"}',
    });
    assert.equal(response.statusCode, 200);
  });

  test("an unknown failure tells nothing but the request id", async () => {
    await server.store.db.schema.renameTable("networks", "networks_gone");
    const answer = await server.call("GET", "/networks");
    assert.equal(answer.status, 500);
    assert.deepEqual(answer.body, {
      message: "internal server error",
      code: 500,
      error: {
        code: "internal",
        path: "",
        hint: "Look for the request id in the server's log.",
        request_id: answer.headers["x-request-id"],
      },
    });
  });

  test("health, readiness and metrics need no token", async () => {
    const get = (url: string) => server.app.inject({ url });
    assert.equal((await get("/healthz")).statusCode, 200);
    assert.equal((await get("/readyz")).statusCode, 200);
    await server.call("GET", "/groups");
    const metrics = await get("/metrics");
    assert.match(String(metrics.headers["content-type"]), /^text\/plain/);
    assert.match(
      metrics.body,
      /netbird_http_requests_total\{method="GET",route="\/api\/groups",status="200"\} 1/,
    );
    await server.store.db.schema.renameTable("server_state", "gone");
    assert.equal((await get("/readyz")).statusCode, 503);
  });

  test("audit events and access logs can be read", async () => {
    await server.call("POST", "/groups", { name: "g" });
    const [event] = (await server.call("GET", "/events")).body;
    assert.deepEqual(
      [event.activity_code, event.activity, event.initiator_email, event.meta],
      ["group.add", "Group created", "owner@example.com", { name: "g" }],
    );
    assert.deepEqual((await server.call("GET", "/events/proxy?page=zero&page_size=1000")).body, {
      data: [],
      page: 1,
      page_size: 100,
      total_records: 0,
      total_pages: 0,
    });
  });
});

import assert from "node:assert/strict";
import type { Service, ServiceMeta } from "../../../src/client/api-types.ts";
import { isLive } from "../../../src/resources/proxy-service/wait-until-live.ts";

const service = (meta: Partial<ServiceMeta>) =>
  ({ meta: { created_at: "", status: "active", ...meta } }) as Service;

suite("a service is live", () => {
  test("when a proxy serves the newest revision and says active", () => {
    assert.ok(isLive(service({ revision: 7, live_revision: 7 })));
    assert.ok(isLive(service({ revision: 7, live_revision: 9 })));
    assert.ok(!isLive(service({ revision: 7, live_revision: 7, status: "pending" })));
  });

  test("not while proxies serve an older revision, or none", () => {
    assert.ok(!isLive(service({ revision: 7, live_revision: 6 })));
    assert.ok(!isLive(service({ revision: 7, live_revision: 0 })));
    assert.ok(!isLive(service({ revision: 7 })));
  });

  test("by its status alone on a server that counts no revisions", () => {
    assert.ok(isLive(service({})));
    assert.ok(!isLive(service({ status: "certificate_pending" })));
  });
});

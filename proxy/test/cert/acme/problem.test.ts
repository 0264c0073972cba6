import assert from "node:assert/strict";
import { AcmeProblem, classifyFailure, parseRetryAfter } from "../../../src/cert/acme/problem.ts";

const urn = (type: string) => `urn:ietf:params:acme:error:${type}`;

suite("what the authority's problems mean", () => {
  for (const [type, reason] of [
    ["caa", "certificate.caa_forbids"],
    ["connection", "certificate.unreachable"],
    ["dns", "certificate.dns"],
    ["unauthorized", "certificate.challenge_failed"],
    ["rejectedIdentifier", "certificate.name_rejected"],
    ["externalAccountRequired", "certificate.account_refused"],
  ] as const) {
    test(`${type} is ${reason}, in the authority's words`, () => {
      const found = classifyFailure(
        new AcmeProblem({ type: urn(type), detail: "because" }, 403),
        "a.example.test",
      );
      assert.equal(found.reason, reason);
      assert.equal(found.message, "because");
    });
  }

  test("a limit of the account stops every name, a limit of the name only that one", () => {
    const limit = (detail: string) =>
      classifyFailure(new AcmeProblem({ type: urn("rateLimited"), detail }, 429, 60_000), "a.example.test");
    assert.equal(limit("too many new orders recently").scope, "authority");
    assert.equal(limit("too many certificates already issued for example.test").scope, "name");
    assert.equal(limit("too many new orders recently").retryAfterMs, 60_000);
  });

  test("what is said about the name is more exact than what is said about the order", () => {
    const problem = new AcmeProblem(
      {
        type: urn("malformed"),
        detail: "some identifiers",
        subproblems: [{ type: urn("caa"), detail: "CAA says no", identifier: { value: "a.example.test" } }],
      },
      403,
    );
    const found = classifyFailure(problem, "a.example.test");
    assert.deepEqual([found.reason, found.message], ["certificate.caa_forbids", "CAA says no"]);
  });

  test("an authority in trouble, or out of reach, is nobody's fault", () => {
    for (const error of [new AcmeProblem({}, 503), new Error("connect ECONNREFUSED")]) {
      const found = classifyFailure(error, "a.example.test");
      assert.equal(found.reason, "certificate.authority_unreachable");
      assert.equal(found.scope, "authority");
      assert.equal(found.counted, false);
    }
  });

  test("Retry-After comes as seconds or as a date", () => {
    assert.equal(parseRetryAfter("120", 0), 120_000);
    assert.equal(parseRetryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 10_000), 50_000);
    assert.equal(parseRetryAfter("soon", 0), undefined);
    assert.equal(parseRetryAfter(undefined, 0), undefined);
  });
});

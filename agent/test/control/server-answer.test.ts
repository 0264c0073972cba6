import assert from "node:assert/strict";
import { status as grpcStatus, Metadata, type ServiceError } from "@grpc/grpc-js";
import { readFailure } from "../../src/control/server-answer.ts";

function serviceError(code: number, details: string, trailer?: string): ServiceError {
  const metadata = new Metadata();
  if (trailer !== undefined) metadata.set("netbird-error", trailer);
  return Object.assign(new Error(`${code} ${details}`), { code, details, metadata });
}

suite("what a failed call means", () => {
  test("the trailer's code, message and hint win over the status text", () => {
    const trailer = JSON.stringify({
      code: "setup_key.revoked",
      message: "revoked",
      hint: "Make a new one.",
    });
    assert.deepEqual(readFailure(serviceError(grpcStatus.PERMISSION_DENIED, "denied", trailer)), {
      kind: "refused",
      code: "setup_key.revoked",
      message: "revoked",
      hint: "Make a new one.",
    });
  });

  test("a trailer that cannot be read leaves the status text", () => {
    for (const trailer of ["{", "{}", "null", '"x"', '{"code":1,"message":"x"}']) {
      const failure = readFailure(serviceError(grpcStatus.NOT_FOUND, "no such key", trailer));
      assert.deepEqual(failure, { kind: "refused", code: "", message: "no such key", hint: "" }, trailer);
    }
  });

  test("of a connection that failed, only what helps is left", () => {
    const wrapped =
      "No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:9. Resolution note: ";
    const failure = readFailure(serviceError(grpcStatus.UNAVAILABLE, wrapped));
    assert.deepEqual(failure, { kind: "unreachable", message: "connect ECONNREFUSED 127.0.0.1:9" });
  });

  test("what may pass is asked again", () => {
    for (const code of [
      grpcStatus.UNAVAILABLE,
      grpcStatus.DEADLINE_EXCEEDED,
      grpcStatus.INTERNAL,
      grpcStatus.UNKNOWN,
      grpcStatus.RESOURCE_EXHAUSTED,
      grpcStatus.CANCELLED,
      grpcStatus.ABORTED,
      grpcStatus.UNIMPLEMENTED,
    ])
      assert.equal(readFailure(serviceError(code, "x")).kind, "unreachable", String(code));
  });

  test("only the server itself can say that a peer is unknown; a gateway's 401 is a gateway in the way", () => {
    assert.equal(
      readFailure(serviceError(grpcStatus.UNAUTHENTICATED, "unknown token")).kind,
      "unauthenticated",
    );
    const gateway = readFailure(serviceError(grpcStatus.UNAUTHENTICATED, "Received HTTP status code 401"));
    assert.equal(gateway.kind, "unreachable");
    assert.equal(
      readFailure(serviceError(grpcStatus.PERMISSION_DENIED, "Received HTTP status code 403")).kind,
      "unreachable",
    );
  });

  test("certificate trouble comes with its remedy", () => {
    const failure = readFailure(
      serviceError(grpcStatus.UNAVAILABLE, "No connection established. Last error: self-signed certificate"),
    );
    assert.match(failure.message, /--ca-file/);
  });
});

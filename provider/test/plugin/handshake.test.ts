import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readEnvironment } from "../../src/config.ts";
import { makeLog } from "../../src/log.ts";
import { makeOneUseCertificate } from "../../src/plugin/certificate.ts";
import { handshakeLine, MAGIC_COOKIE } from "../../src/plugin/handshake.ts";
import { reattachVariable } from "../../src/plugin/reattach.ts";
import { refusal } from "../../src/plugin/start.ts";

suite("the handshake", () => {
  test("is one line of five parts, or six with a certificate", () => {
    assert.equal(handshakeLine("unix", "/tmp/plugin1"), "1|6|unix|/tmp/plugin1|grpc\n");
    assert.equal(
      handshakeLine("tcp", "127.0.0.1:10000", Buffer.from([251, 255])),
      "1|6|tcp|127.0.0.1:10000|grpc|+/8\n",
    );
  });

  test("the certificate is one that Terraform takes", () => {
    const nowMs = Date.now();
    const { certificateDer, privateKeyPem } = makeOneUseCertificate(nowMs);
    const certificate = new X509Certificate(certificateDer);
    assert.equal(certificate.subjectAltName, "DNS:localhost");
    assert.ok(certificate.ca);
    assert.ok(certificate.verify(certificate.publicKey));
    assert.ok(Date.parse(certificate.validFrom) < nowMs - 30_000);
    assert.ok(Date.parse(certificate.validTo) > nowMs + 86_400_000 * 365);
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    assert.match(privateKeyPem, /BEGIN PRIVATE KEY/);
  });

  test("a certificate that ends after 2049 is encoded too", () => {
    const certificate = new X509Certificate(
      makeOneUseCertificate(Date.parse("2051-06-01T00:00:00Z")).certificateDer,
    );
    assert.match(certificate.validFrom, /2051/);
  });

  test("protocol versions come in any order", () => {
    for (const versions of ["5,6", "6,5"]) {
      const environment = readEnvironment({
        TF_PLUGIN_MAGIC_COOKIE: MAGIC_COOKIE,
        PLUGIN_PROTOCOL_VERSIONS: versions,
      });
      assert.deepEqual(environment.protocolVersions, [6, 5]);
      assert.equal(refusal(environment), undefined);
    }
    assert.match(refusal(readEnvironment({}))!, /Terraform provider/);
  });

  test("the reattach variable says Test, without which Terraform crashes", () => {
    const value = JSON.parse(reattachVariable("a/b/c", { network: "unix", address: "/s" }, 7));
    assert.deepEqual(value["a/b/c"], {
      Protocol: "grpc",
      ProtocolVersion: 6,
      Pid: 7,
      Test: true,
      Addr: { Network: "unix", String: "/s" },
    });
  });
});

suite("log lines", () => {
  test("have text where Terraform insists on it, and six digits of a second", () => {
    const lines: string[] = [];
    const log = makeLog("info", (line) => lines.push(line));
    log("debug", "not wanted");
    log("warn", 42 as never, { count: 3n, "@message": 7 });
    assert.equal(lines.length, 1);
    const line = JSON.parse(lines[0]!);
    assert.deepEqual([line["@level"], line["@message"], line.count], ["warn", "42", "3"]);
    assert.match(line["@timestamp"], /\.\d{6}Z$/);
  });

  test("are as many as the environment asks for", () => {
    assert.equal(readEnvironment({}).logLevel, "off");
    assert.equal(readEnvironment({ TF_LOG: "JSON" }).logLevel, "trace");
    assert.equal(readEnvironment({ TF_LOG: "TRACE", TF_LOG_PROVIDER: "WARN" }).logLevel, "warn");
    assert.equal(readEnvironment({ TF_LOG: "TRACE", TF_LOG_PROVIDER_NETBIRD: "off" }).logLevel, "off");
  });
});

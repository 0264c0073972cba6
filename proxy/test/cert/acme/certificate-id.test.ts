import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { certificateId } from "../../../src/cert/acme/certificate-id.ts";
import { testCertificate } from "../../support/proxy.ts";

// The example certificate and its id: RFC 9773 §4.1 and appendix A.
const example = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----`;

suite("how a certificate is named to its authority", () => {
  test("key identifier and serial number, as in the RFC's example", () => {
    assert.equal(certificateId(new X509Certificate(example)), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
  });

  test("a certificate that does not name its issuer's key has none", async () => {
    const leaf = new X509Certificate((await testCertificate()).certificate);
    const id = certificateId(leaf);
    assert.ok(id === undefined || /^[\w-]+\.[\w-]+$/.test(id));
  });
});

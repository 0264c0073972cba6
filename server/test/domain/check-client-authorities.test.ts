import assert from "node:assert/strict";
import { createAuthority, issueCertificate } from "../../../scripts/stack/local-ca.ts";
import { clientAuthoritiesProblem } from "../../src/domain/check-client-authorities.ts";

suite("authorities of client certificates", () => {
  test("one or several are taken, text around them too", async () => {
    const [one, two] = [await createAuthority("One"), await createAuthority("Two")];
    assert.equal(clientAuthoritiesProblem(one.certificate), undefined);
    assert.equal(clientAuthoritiesProblem(`# ours\n${one.certificate}\n${two.certificate}`), undefined);
  });

  test("everything else is named", async () => {
    const authority = await createAuthority("One");
    const leaf = await issueCertificate(authority, ["a.test"]);
    const broken = authority.certificate.replace(/[A-Za-z0-9+/]{20}\n/, "AAAA\n");
    for (const [pem, problem] of [
      ["", /no PEM certificate/],
      ["hello", /no PEM certificate/],
      [authority.certificate + authority.key, /private key/],
      [authority.certificate + leaf.certificate, /PEM block 2 is not of an authority/],
      [broken, /PEM block 1 is no X\.509 certificate/],
      [authority.certificate.replaceAll("CERTIFICATE", "X509 CRL"), /PEM block 1 is X509 CRL/],
      [authority.certificate.repeat(21), /more than 20/],
      ["x".repeat(65_537), /more than 65536 characters/],
    ] as const) {
      assert.match(clientAuthoritiesProblem(pem) ?? "", problem);
    }
  });
});

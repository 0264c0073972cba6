import assert from "node:assert/strict";
import { type CaaProperty, caaForbids } from "../../src/domain/caa.ts";

suite("CAA records", () => {
  const us = ["letsencrypt.org"];
  const issue = (value: string, critical = 0): CaaProperty => ({ critical, issue: value });
  const wild = (value: string): CaaProperty => ({ critical: 0, issuewild: value });

  test("allow whom they name, with or without parameters, in any case", () => {
    assert.equal(
      caaForbids([issue("pki.goog"), issue("LetsEncrypt.org; validationmethods=dns-01")], us, false),
      undefined,
    );
    assert.equal(caaForbids([issue("letsencrypt.org", 128)], us, false), undefined);
  });

  test("forbid everybody else, and say whom they name", () => {
    assert.equal(caaForbids([issue("pki.goog")], us, false), "it names pki.goog only");
    assert.equal(caaForbids([issue(";")], us, false), "it lets nobody issue");
  });

  test("restrict nothing when they are about something else", () => {
    assert.equal(caaForbids([{ critical: 0, iodef: "mailto:a@example.com" }], us, false), undefined);
    assert.equal(caaForbids([wild(";")], us, false), undefined);
  });

  test("issuewild comes before issue for wildcards, and for them only", () => {
    const records = [issue("pki.goog"), wild("letsencrypt.org")];
    assert.equal(caaForbids(records, us, true), undefined);
    assert.equal(caaForbids(records, us, false), "it names pki.goog only");
    assert.equal(caaForbids([issue("letsencrypt.org")], us, true), undefined);
  });

  test("a critical property that is not known forbids, one that is not critical does not", () => {
    assert.match(caaForbids([{ critical: 128, tbs: "x" }], us, false)!, /critical property tbs/);
    assert.equal(caaForbids([{ critical: 0, tbs: "x" }], us, false), undefined);
  });
});

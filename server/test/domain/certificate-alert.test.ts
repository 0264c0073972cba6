import assert from "node:assert/strict";
import { certificateAlert, worstAlert } from "../../src/domain/certificate-alert.ts";
import { type CertificateReport, emptyReport } from "../../src/domain/service-report.ts";

const DAY = 24 * 3_600_000;
const NOW = 1_800_000_000_000;

suite("the alert about a certificate", () => {
  const alert = (certificate: Partial<CertificateReport>) =>
    certificateAlert(
      {
        ...emptyReport("report"),
        certificate: {
          state: "ready",
          source: "acme",
          expiresAt: NOW + 60 * DAY,
          issuedAt: NOW - 30 * DAY,
          reason: "",
          message: "",
          ...certificate,
        },
      },
      NOW,
    );

  test("none while there is one with enough of its life left, or none is needed or awaited", () => {
    assert.equal(alert({}), undefined);
    assert.equal(alert({ expiresAt: NOW + 15 * DAY }), undefined);
    assert.equal(alert({ state: "pending", expiresAt: null, issuedAt: null }), undefined);
    assert.equal(alert({ state: "not_needed", expiresAt: null, issuedAt: null }), undefined);
    assert.equal(alert({ expiresAt: null }), undefined);
  });

  test("an order that fails, in its own words", () => {
    const failed = { state: "failed", reason: "certificate.dns", message: "no such name" } as const;
    assert.deepEqual(alert(failed), { kind: "failed", reason: "certificate.dns", message: "no such name" });
    const stock = {
      ...emptyReport("status"),
      status: { state: "certificate_failed", message: "m" },
    } as const;
    assert.deepEqual(certificateAlert(stock, NOW), {
      kind: "failed",
      reason: "certificate.failed",
      message: "m",
    });
  });

  test("two weeks before the end, of short-lived ones when a quarter of their life is left", () => {
    assert.equal(alert({ issuedAt: NOW - 76 * DAY, expiresAt: NOW + 14 * DAY - 1 })!.kind, "expiring");
    const sixDays = (left: number) => ({ expiresAt: NOW + left, issuedAt: NOW + left - 6 * DAY });
    assert.equal(alert(sixDays(1.5 * DAY)), undefined);
    assert.equal(alert(sixDays(1.5 * DAY - 1))!.kind, "expiring");
    assert.equal(alert({ issuedAt: null, expiresAt: NOW + 13 * DAY })!.kind, "expiring");
  });

  test("says why the next one does not come, or that it is over", () => {
    const late = { expiresAt: NOW + DAY };
    assert.equal(alert(late)!.message, "it expires at 2027-01-16T08:00:00.000Z");
    assert.deepEqual(alert({ ...late, reason: "certificate.rate_limited", message: "too many" }), {
      kind: "expiring",
      reason: "certificate.rate_limited",
      message: "too many",
    });
    assert.equal(alert({ expiresAt: NOW })!.reason, "certificate.expired");
  });

  test("failing is worse than running out", () => {
    assert.equal(worstAlert([]), undefined);
    assert.equal(worstAlert(["expiring"]), "expiring");
    assert.equal(worstAlert(["failed", "expiring"]), "failed");
    assert.equal(worstAlert(["expiring", "failed"]), "failed");
  });
});

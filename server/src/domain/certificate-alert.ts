import type { ServiceReport } from "./service-report.ts";

/** `failed`: no certificate and none in sight. `expiring`: the one in use runs out, and no newer one came. */
export type CertificateAlertKind = "failed" | "expiring";

export interface CertificateAlert {
  kind: CertificateAlertKind;
  reason: string;
  message: string;
}

/** Certificates that live for months are renewed weeks before this; short-lived ones with a third of their life left. */
const SOON_MS = 14 * 24 * 3_600_000;
const SOON_SHARE = 1 / 4;

/** What somebody should look at, in one proxy's report about one service. */
export function certificateAlert(
  { certificate, status }: ServiceReport,
  nowMs: number,
): CertificateAlert | undefined {
  if (status?.state === "certificate_failed") {
    return { kind: "failed", reason: "certificate.failed", message: status.message };
  }
  if (certificate?.state === "failed") {
    return { kind: "failed", reason: certificate.reason, message: certificate.message };
  }
  if (certificate?.state !== "ready" || certificate.expiresAt === null) return undefined;
  const { expiresAt, issuedAt, reason, message } = certificate;
  const soonMs = issuedAt === null ? SOON_MS : Math.min(SOON_MS, (expiresAt - issuedAt) * SOON_SHARE);
  if (expiresAt - nowMs >= soonMs) return undefined;
  const expired = expiresAt <= nowMs;
  return {
    kind: "expiring",
    reason: reason || (expired ? "certificate.expired" : ""),
    message: message || `it ${expired ? "expired" : "expires"} at ${new Date(expiresAt).toISOString()}`,
  };
}

/** The worse of what several proxies say. */
export function worstAlert(kinds: Iterable<CertificateAlertKind>): CertificateAlertKind | undefined {
  let worst: CertificateAlertKind | undefined;
  for (const kind of kinds) if (worst !== "failed") worst = kind;
  return worst;
}

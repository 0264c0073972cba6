/** What one proxy last said about one service, as it is stored. */
export interface ServiceReport {
  /** `report`: our proxy's own words. `status`: a stock proxy's SendStatusUpdate, which knows no revisions or targets. */
  source: "report" | "status";
  /** Set when the newest mapping was refused: a code of the catalogue. */
  rejectionCode: string;
  rejectionMessage: string;
  certificate: CertificateReport | null;
  targets: TargetReport[];
  /** Only of source `status`. */
  status: StatusReport | null;
}

export interface CertificateReport {
  state: "unknown" | "not_needed" | "pending" | "ready" | "failed";
  /** `static`, `wildcard`, `uploaded` or `acme`. */
  source: string;
  /** Milliseconds since 1970; null when it is not known. */
  expiresAt: number | null;
  issuedAt: number | null;
  reason: string;
  message: string;
}

export interface TargetReport {
  position: number;
  state: "unknown" | "reachable" | "no_tunnel" | "unreachable";
  reason: string;
  message: string;
  /** Since the newest handshake with the peer; null when there was none. */
  handshakeAgeSeconds: number | null;
  /** Of the last successful probe; 0 when there was none. */
  probeMs: number;
}

export interface StatusReport {
  state: "pending" | "active" | "tunnel_not_created" | "certificate_pending" | "certificate_failed" | "error";
  message: string;
}

export function emptyReport(source: ServiceReport["source"]): ServiceReport {
  return {
    source,
    rejectionCode: "",
    rejectionMessage: "",
    certificate: null,
    targets: [],
    status: null,
  };
}

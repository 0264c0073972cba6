/** One HTTP exchange. Redirects are not followed: a token must not wander to another host. */
export type Transport = (request: {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly signal: AbortSignal;
}) => Promise<HttpAnswer>;

export interface HttpAnswer {
  readonly status: number;
  /** Lower-case names; of repeated headers the first. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

export interface TransportOptions {
  readonly maxConnections: number;
  /** PEM; trusted in addition to the system's authorities. */
  readonly caCertificatePem: string | undefined;
  /** Accepts any certificate. */
  readonly insecure: boolean;
}

/** The connection was never made, so nothing can have been processed. */
export class NotSent extends Error {
  readonly code: string;

  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message || cause.code || "no connection", { cause });
    this.name = "NotSent";
    this.code = cause.code ?? "";
  }
}

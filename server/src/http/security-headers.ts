import type { App } from "./app-type.ts";

export interface BrowserRules {
  /** The server's own port speaks TLS. */
  tls: boolean;
  /** Origins of web pages that may call the API, such as `https://dashboard.example.com`. */
  corsOrigins: readonly string[];
}

const ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE";
const ALLOWED_HEADERS = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key";
const EXPOSED_HEADERS = "ETag, Link, Idempotency-Replayed, NetBird-Dry-Run, Retry-After, X-Request-Id";

/**
 * What browsers are told: nothing the API answers is a page, a script or a frame, nothing is kept in a cache, and pages
 * of other origins may not call it unless they are named. A route may set its own, for pages that it serves.
 */
export function addSecurityHeaders(app: App, { tls, corsOrigins }: BrowserRules): void {
  const origins = new Set(corsOrigins);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("X-Content-Type-Options", "nosniff");
    reply.header("X-Frame-Options", "DENY");
    reply.header("Referrer-Policy", "no-referrer");
    if (tls) reply.header("Strict-Transport-Security", "max-age=31536000");
    if (request.url.startsWith("/api/")) {
      reply.header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
      reply.header("Cache-Control", "no-store");
    }
    if (origins.size === 0) return;
    // Answers differ by origin, so no cache may mix them up.
    reply.header("Vary", "Origin");
    const { origin } = request.headers;
    if (origin === undefined || !origins.has(origin)) return;
    reply.header("Access-Control-Allow-Origin", origin);
    reply.header("Access-Control-Expose-Headers", EXPOSED_HEADERS);
    if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined)
      return;
    reply.header("Access-Control-Allow-Methods", ALLOWED_METHODS);
    reply.header("Access-Control-Allow-Headers", ALLOWED_HEADERS);
    reply.header("Access-Control-Max-Age", "600");
    return reply.status(204).send();
  });
}

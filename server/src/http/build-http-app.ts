import swagger from "@fastify/swagger";
import { AppError } from "@netbird-proxy/proto";
import fastify, { LogController } from "fastify";
import { joinableContext } from "../commands/unit-of-work.ts";
import { requireNotBlocked, requirePermission } from "../domain/permissions.ts";
import { newId } from "../domain/xid.ts";
import { answerEtags } from "./answer-etags.ts";
import type { App, Caller } from "./app-type.ts";
import { authenticate } from "./authenticate.ts";
import { answerBrokenRequest } from "./broken-request.ts";
import { describeExtras } from "./describe-extras.ts";
import { InnerRefusal, innerCaller } from "./dispatch.ts";
import { DRY_RUN_HEADER, isDryRun } from "./dry-run.ts";
import { errorResponse } from "./error-response.ts";
import { parseJsonBody } from "./json-body.ts";
import { limitTokenRate, refusedToken } from "./limit-tokens.ts";
import { addListExtras } from "./list-extras.ts";
import { createMetrics } from "./metrics.ts";
import { nameSchemas, openApiInfo } from "./openapi.ts";
import { addPatchRoutes } from "./patch-routes.ts";
import type { HttpPorts } from "./ports.ts";
import { registerAccountRoutes } from "./routes/accounts.ts";
import { registerBatchRoute } from "./routes/batch.ts";
import { registerCertificateRoutes } from "./routes/certificates.ts";
import { registerClusterRoutes } from "./routes/clusters.ts";
import { registerDashboard } from "./routes/dashboard.ts";
import { registerDnsCredentialsRoutes } from "./routes/dns-credentials.ts";
import { registerDomainRoutes } from "./routes/domains.ts";
import { registerEventRoutes } from "./routes/events.ts";
import { registerGroupRoutes } from "./routes/groups.ts";
import { registerHealthRoutes } from "./routes/health.ts";
import { registerInstanceRoutes } from "./routes/instance.ts";
import { registerInvitePage } from "./routes/invite-page.ts";
import { registerNetworkResourceRoutes } from "./routes/network-resources.ts";
import { registerNetworkRouterRoutes } from "./routes/network-routers.ts";
import { registerNetworkRoutes } from "./routes/networks.ts";
import { registerPeerRoutes } from "./routes/peers.ts";
import { registerPersonalAccessTokenRoutes } from "./routes/personal-access-tokens.ts";
import { registerPolicyRoutes } from "./routes/policies.ts";
import { registerPreflightRoute } from "./routes/preflight.ts";
import { registerProxyCallbackRoute } from "./routes/proxy-callback.ts";
import { registerProxyTokenRoutes } from "./routes/proxy-tokens.ts";
import { registerServiceDiagnoseRoute } from "./routes/service-diagnose.ts";
import { registerServiceSessionsRoute } from "./routes/service-sessions.ts";
import { registerServiceTargetRoutes } from "./routes/service-targets.ts";
import { registerServiceTokenRoutes } from "./routes/service-tokens.ts";
import { registerServiceRoutes } from "./routes/services.ts";
import { registerSetupKeyRoutes } from "./routes/setup-keys.ts";
import { registerShareLinkRoutes } from "./routes/share-links.ts";
import { registerSignInRoutes } from "./routes/sign-in.ts";
import { registerUserInviteRoutes } from "./routes/user-invites.ts";
import { registerUserRoutes } from "./routes/users.ts";
import { addSecurityHeaders } from "./security-headers.ts";
import { writeInUnits } from "./write-in-unit.ts";

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;

/** The REST side of the server, not listening yet. Every route is a file in routes/. */
export async function buildHttpApp(given: HttpPorts): Promise<App> {
  const ports: HttpPorts = { ...given, context: joinableContext(given.context) };
  const app = fastify({
    loggerInstance: ports.log,
    // One line per request is written below, with the names of our log fields.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    bodyLimit: MAX_BODY_BYTES,
    genReqId: () => newId(),
    // Nobody's header is believed unless it comes from a proxy that is named.
    trustProxy: ports.trustedProxies.length > 0 ? [...ports.trustedProxies] : false,
    requestTimeout: 30_000,
    // The URL counts as a header.
    http: { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: 15_000, connectionsCheckingInterval: 5_000 },
    clientErrorHandler: answerBrokenRequest,
    // A cluster's address is a parameter and may be as long as a domain name.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 300 },
    ajv: {
      // Types are not coerced, and what a request does not send takes the default of its schema (the zero value).
      // verbose keeps the refused value, which decides between "wrong type" and "wrong value".
      customOptions: {
        coerceTypes: false,
        useDefaults: true,
        removeAdditional: false,
        strict: false,
        verbose: true,
      },
    },
  }) as unknown as App;
  // Responses are written as they are: null, [] and "absent" are different things to our clients.
  app.setSerializerCompiler(() => (value) => `${JSON.stringify(value)}\n`);
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof InnerRefusal) return reply.status(error.answer.status).send(error.answer.body);
    const { invalidCode } = request.routeOptions.config;
    const { status, body, cause, retryAfterSeconds } = errorResponse(error, {
      requestId: request.id,
      invalidCode,
    });
    if (cause !== undefined) request.log.error({ err: cause }, "request failed");
    if (retryAfterSeconds !== undefined) reply.header("Retry-After", String(retryAfterSeconds));
    return reply.status(status).send(body);
  });
  app.setNotFoundHandler((request, reply) => {
    const error = new AppError(
      "request.not_found",
      `there is no ${request.method} ${request.url.split("?")[0]}`,
    );
    return reply.status(404).send(errorResponse(error, { requestId: request.id }).body);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (request, text, done) => {
    try {
      done(null, parseJsonBody(text as string, request.routeOptions.config));
    } catch (error) {
      done(error as Error);
    }
  });

  app.decorateRequest("caller", null as unknown as Caller);
  addSecurityHeaders(app, ports.browsers);
  const metrics = createMetrics();
  app.addHook("onRequest", async (request, reply) => {
    reply.header("X-Request-Id", request.id);
    if (/%00/.test(request.url)) {
      throw new AppError("request.malformed", "the address has a NUL character (%00) in it");
    }
    if (isDryRun(request.query)) reply.header(DRY_RUN_HEADER, "supported");
    if (request.routeOptions.config.public || request.is404) return;
    const inner = innerCaller();
    request.caller =
      inner ??
      (await authenticate(ports, request.headers.authorization).catch(async (error) => {
        throw await refusedToken(ports.context, request.ip, error);
      }));
    if (!inner && ports.tokenRateLimit) await limitTokenRate(ports.context, ports.tokenRateLimit, request);
    // Also where no permission is asked for, such as one's own tokens.
    requireNotBlocked(request.caller.user);
  });
  app.addHook("preHandler", async (request) => {
    const { permission } = request.routeOptions.config;
    if (permission) requirePermission(request.caller.user, ...permission);
  });
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    metrics.observeRequest(request.method, route, reply.statusCode, reply.elapsedTime);
    request.log.debug(
      {
        method: request.method,
        route,
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime),
      },
      "request",
    );
  });

  const writes = { app, context: ports.context, schemas: new Map<string, unknown>() };
  addListExtras(app);
  answerEtags(writes);
  writeInUnits(writes);
  addPatchRoutes(writes);

  await app.register(swagger, openApiInfo(ports.version));
  app.register(async (routes) => {
    const scope = routes as unknown as App;
    registerHealthRoutes(scope, ports, metrics);
    registerInstanceRoutes(scope, ports);
    registerDashboard(scope, ports);
    registerAccountRoutes(scope, ports);
    registerUserRoutes(scope, ports);
    registerUserInviteRoutes(scope, ports);
    registerInvitePage(scope, ports);
    registerSignInRoutes(scope, ports);
    registerProxyCallbackRoute(scope, ports);
    registerPersonalAccessTokenRoutes(scope, ports);
    registerGroupRoutes(scope, ports);
    registerSetupKeyRoutes(scope, ports);
    registerPeerRoutes(scope, ports);
    registerPolicyRoutes(scope, ports);
    registerNetworkRoutes(scope, ports);
    registerNetworkResourceRoutes(scope, ports);
    registerNetworkRouterRoutes(scope, ports);
    registerServiceRoutes(scope, ports);
    registerServiceTargetRoutes(scope, writes);
    registerServiceDiagnoseRoute(scope, ports);
    registerServiceSessionsRoute(scope, ports);
    registerServiceTokenRoutes(scope, ports);
    registerShareLinkRoutes(scope, ports);
    registerPreflightRoute(scope, ports);
    registerBatchRoute(scope, writes);
    registerClusterRoutes(scope, ports);
    registerDomainRoutes(scope, ports);
    registerCertificateRoutes(scope, ports);
    registerDnsCredentialsRoutes(scope, ports);
    registerProxyTokenRoutes(scope, ports);
    registerEventRoutes(scope, ports);
    let document: unknown;
    scope.get(
      "/api/openapi.json",
      { config: { public: true }, schema: { hide: true } },
      async () => (document ??= describeExtras(nameSchemas(app.swagger()))),
    );
  });
  await app.ready();
  return app;
}

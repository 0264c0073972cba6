import { AppError } from "@netbird-proxy/proto";
import { completeVisitorSignIn } from "../../commands/visitor-sign-in.ts";
import { CALLBACK_PATH } from "../../identity/embedded/contract.ts";
import type { App } from "../app-type.ts";
import { limitPublicCalls } from "../limit-public-calls.ts";
import { pageHeaders } from "../pages/layout.ts";
import { messagePage } from "../pages/sign-in-page.ts";
import type { HttpPorts } from "../ports.ts";

/** Where the identity provider sends visitors of services back to. Source: reference §2.13. */
export function registerProxyCallbackRoute(app: App, ports: HttpPorts): void {
  const { context, identity, log } = ports;
  // Source: reference §1.7: 10 a minute, 15 at once.
  const limit = limitPublicCalls(context, { name: "callback", burst: 15, refillMs: 6_000 });

  app.get(
    CALLBACK_PATH,
    { config: { public: true }, schema: { hide: true }, serializerCompiler: () => (value) => String(value) },
    async (request, reply) => {
      try {
        await limit(request.ip);
        const callback = new URL(request.url, identity.publicUrl());
        const { location } = await completeVisitorSignIn(ports, callback);
        return reply.redirect(location, 302);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        log.warn({ err: error, code: error.code, address: request.ip }, "a visitor's sign-in failed");
        reply.status(statusOf(error)).headers(pageHeaders);
        return reply.send(
          messagePage("The sign-in did not work", `${explain(error)} Go back to the service and try again.`),
        );
      }
    },
  );
}

function statusOf({ code }: AppError): number {
  if (code === "auth.rate_limited") return 429;
  if (code === "identity.unknown_state") return 400;
  return code.startsWith("auth.") ? 401 : 500;
}

/** What a visitor can do about it; the rest is in the log. */
function explain({ code, message }: AppError): string {
  switch (code) {
    case "auth.rate_limited":
      return "There were too many sign-ins from your address. Wait a minute.";
    case "identity.unknown_state":
      return "It took too long, or this page was opened twice.";
    case "identity.unreachable":
      return "The identity provider does not answer.";
    case "auth.invalid_token":
      return /groups/.test(message)
        ? "You are in none of the groups that may sign in."
        : "The identity provider's answer cannot be trusted.";
    default:
      return "The identity provider did not complete it.";
  }
}

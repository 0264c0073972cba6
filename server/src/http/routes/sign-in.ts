import type { IncomingMessage, ServerResponse } from "node:http";
import { AppError } from "@netbird-proxy/proto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { checkPassword } from "../../commands/check-password.ts";
import { MOUNT_PATH } from "../../identity/embedded/contract.ts";
import type { KnownDevice } from "../../identity/embedded/embedded-identity.ts";
import type { App } from "../app-type.ts";
import { pageHeaders } from "../pages/layout.ts";
import { messagePage, signInPage } from "../pages/sign-in-page.ts";
import type { HttpPorts } from "../ports.ts";

const DEVICE_COOKIE = "nb_device";
const DEVICE_SECONDS = 90 * 86_400;
/** Room for the longest address and password, percent-encoded. */
const FORM_BYTES = 8 * 1024;

/**
 * The embedded identity provider under /oauth2, and the page where people type their password. Everything but the page is
 * the provider's own.
 */
export function registerSignInRoutes(app: App, ports: HttpPorts): void {
  const { context, identity } = ports;
  const { embedded } = identity;
  if (!embedded) return;

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // The provider reads bodies itself.
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    const serve = async (request: FastifyRequest, reply: FastifyReply) => {
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value ?? "");
      // Browsers of other origins fetch the keys and tokens of public clients; the provider says which may.
      if (!reply.raw.hasHeader("Cache-Control")) reply.raw.setHeader("Cache-Control", "no-store");
      await embedded.serve(request.raw, reply.raw);
    };
    scope.route({
      method: ["GET", "POST", "OPTIONS"],
      url: `${MOUNT_PATH}/*`,
      config: { public: true },
      schema: { hide: true },
      handler: serve,
    });
  });

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      "application/x-www-form-urlencoded",
      { parseAs: "string", bodyLimit: FORM_BYTES },
      (_request, text, done) => done(null, new URLSearchParams(text as string)),
    );
    const url = `${MOUNT_PATH}/sign-in/:uid`;

    const begin = async (request: IncomingMessage, response: ServerResponse) => {
      const provider = await embedded.provider();
      embedded.prepare(request);
      try {
        const { params } = await provider.interactionDetails(request, response);
        return { provider, hint: typeof params.login_hint === "string" ? params.login_hint : "" };
      } catch {
        return undefined;
      }
    };
    const gone = (reply: FastifyReply) =>
      reply
        .status(400)
        .headers(pageHeaders)
        .send(
          messagePage(
            "This sign-in has expired",
            "Go back to where you came from and start again. Cookies must be allowed.",
          ),
        );

    scope.setSerializerCompiler(() => (value) => String(value));

    scope.get(url, { config: { public: true }, schema: { hide: true } }, async (request, reply) => {
      const step = await begin(request.raw, reply.raw);
      if (!step) return gone(reply);
      return reply.headers(pageHeaders).send(signInPage({ email: step.hint }));
    });

    scope.post(url, { config: { public: true }, schema: { hide: true } }, async (request, reply) => {
      const step = await begin(request.raw, reply.raw);
      if (!step) return gone(reply);
      const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
      const email = (form.get("email") ?? "").trim();
      const refuse = (status: number, error: string) =>
        reply.status(status).headers(pageHeaders).send(signInPage({ email, error }));
      const attempt = {
        email,
        password: form.get("password") ?? "",
        address: request.ip,
        knownDevice: await readDevice(request.headers.cookie),
      };
      if (email === "" || attempt.password === "") return refuse(400, "Type your address and your password.");
      let user: Awaited<ReturnType<typeof checkPassword>>;
      try {
        user = await checkPassword({ context, hashGate: ports.hashGate }, attempt);
      } catch (error) {
        if (!(error instanceof AppError) || !error.code.startsWith("auth.")) throw error;
        ports.log.warn({ address: request.ip, code: error.code }, "a sign-in was refused");
        return error.code === "auth.rate_limited"
          ? refuse(429, `Too many attempts. ${error.hint}`)
          : refuse(401, "Address or password is wrong.");
      }
      if (user.pendingApproval) return refuse(403, "Your account waits for an administrator's approval.");
      if (user.isBlocked) return refuse(403, "Your account is blocked. Ask an administrator.");
      reply.hijack();
      reply.raw.setHeader("Cache-Control", "no-store");
      reply.raw.appendHeader("Set-Cookie", await deviceCookie(user.id));
      await step.provider.interactionFinished(request.raw, reply.raw, {
        login: { accountId: user.id, remember: true },
      });
    });
  });

  async function deviceCookie(userId: string): Promise<string> {
    const secure = identity.publicUrl().startsWith("https:") ? "; Secure" : "";
    return `${DEVICE_COOKIE}=${await embedded!.issueDevice(userId)}; Path=${MOUNT_PATH}/sign-in; Max-Age=${DEVICE_SECONDS}; HttpOnly; SameSite=Lax${secure}`;
  }

  async function readDevice(cookies = ""): Promise<KnownDevice | undefined> {
    const value = new RegExp(`(?:^|; )${DEVICE_COOKIE}=([^;]*)`).exec(cookies)?.[1];
    return value === undefined ? undefined : embedded!.readDevice(value);
  }
}

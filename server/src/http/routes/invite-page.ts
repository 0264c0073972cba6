import { AppError } from "@netbird-proxy/proto";
import type { FastifyReply } from "fastify";
import { acceptInvite, readInvite } from "../../commands/user-invites.ts";
import type { App } from "../app-type.ts";
import { limitPublicCalls } from "../limit-public-calls.ts";
import { invitePage } from "../pages/invite-page.ts";
import { pageHeaders } from "../pages/layout.ts";
import { messagePage } from "../pages/sign-in-page.ts";
import type { HttpPorts } from "../ports.ts";

const FORM_BYTES = 8 * 1024;

/** Where the link of an invitation leads: `/invite/nbi_...`. */
export function registerInvitePage(app: App, ports: HttpPorts): void {
  const { context, identity } = ports;
  if (!identity.embedded) return;
  const limit = limitPublicCalls(context, { name: "invite", burst: 5, refillMs: 6_000 });

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      "application/x-www-form-urlencoded",
      { parseAs: "string", bodyLimit: FORM_BYTES },
      (_request, text, done) => done(null, new URLSearchParams(text as string)),
    );
    scope.setSerializerCompiler(() => (value) => String(value));
    const url = "/invite/:token";
    const options = { config: { public: true }, schema: { hide: true } };
    const refused = (reply: FastifyReply, error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      const status = error.code === "invite.not_found" ? 404 : error.code === "auth.rate_limited" ? 429 : 410;
      return reply
        .status(status)
        .headers(pageHeaders)
        .send(
          messagePage(
            "This invitation cannot be used",
            `It ${explain[error.code] ?? "was refused"}. ${error.hint}`,
          ),
        );
    };

    scope.get(url, options, async (request, reply) => {
      const { token } = request.params as { token: string };
      try {
        await limit(request.ip);
        const { invite, invitedBy } = await readInvite(context, token);
        if (invite.expiresAt <= context.nowMs())
          throw new AppError("invite.expired", "the invitation has expired");
        return reply.headers(pageHeaders).send(invitePage({ ...invite, invitedBy }));
      } catch (error) {
        return refused(reply, error);
      }
    });

    scope.post(url, options, async (request, reply) => {
      const { token } = request.params as { token: string };
      const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams();
      try {
        await limit(request.ip);
        const { invite, invitedBy } = await readInvite(context, token);
        try {
          await acceptInvite(context, token, form.get("password") ?? "");
        } catch (error) {
          if (!(error instanceof AppError) || error.code !== "user.invalid") throw error;
          const page = invitePage({ ...invite, invitedBy, error: `${sentence(error.message)}.` });
          return reply.status(422).headers(pageHeaders).send(page);
        }
        return reply
          .headers(pageHeaders)
          .send(messagePage("You are in", `Sign in with ${invite.email} and your new password.`));
      } catch (error) {
        return refused(reply, error);
      }
    });
  });
}

const explain: Partial<Record<string, string>> = {
  "invite.not_found": "was used already, replaced or taken back",
  "invite.expired": "has expired",
  "user.email_taken": "is for somebody who has joined already",
  "auth.rate_limited": "was asked for too often",
};

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

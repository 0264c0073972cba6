import { type Answer, answer } from "../answer/catalogue.ts";
import type { Exchange } from "../exchange.ts";
import type { Credential } from "./authenticator.ts";
import type { AccessPolicy } from "./policy.ts";
import { verifySession } from "./session.ts";
import { signInPage } from "./sign-in/sign-in-page.ts";

/** @returns the session token when the credential is right; the caller is then known */
export async function checkCredential(
  x: Exchange,
  policy: AccessPolicy,
  credential: Credential,
): Promise<string | Answer> {
  const { id: serviceId, accountId, domain } = x.service!;
  const { authenticator, attempts } = x.parts;
  x.authMechanism = credential.kind;
  const guess = { serviceId, method: credential.kind, address: x.clientAddress };
  const taken = attempts.take(guess, Date.now());
  if (!taken.ok) return tooMany(x, policy, credential, taken.waitSeconds);
  const result = await authenticator.check({ accountId, serviceId, domain }, credential, x.clientAddress);
  if (result.ok) {
    attempts.giveBack(guess, { right: true });
    // What the server signed is verified like any cookie: a token for another service must not open this one.
    x.caller = await verifySession(policy, domain, result.sessionToken, Date.now());
    return x.caller === undefined ? answer("access.check_failed") : result.sessionToken;
  }
  switch (result.why) {
    case "limited":
      attempts.wait(guess, result.waitSeconds, Date.now());
      return tooMany(x, policy, credential, result.waitSeconds);
    case "unavailable":
      attempts.giveBack(guess, { right: false });
      return answer("access.check_failed", {
        headers: ["retry-after", "5"],
        page: pageAgain(x, policy, credential, "This cannot be checked right now. Try again in a moment."),
      });
    case "wrong": {
      // Of two counters the stricter one is the one that will stop the visitor.
      const left = Math.min(taken.left, result.attemptsLeft ?? taken.left);
      return answer("access.credentials_wrong", {
        fields: { attempts_left: left },
        page: pageAgain(x, policy, credential, `That was not right. ${attemptsText(left)}`),
      });
    }
  }
}

function attemptsText(left: number): string {
  if (left === 0) return "You have to wait before the next attempt.";
  return left === 1
    ? "One attempt left before you have to wait."
    : `${left} attempts left before you have to wait.`;
}

function tooMany(x: Exchange, policy: AccessPolicy, credential: Credential, waitSeconds: number): Answer {
  return answer("access.rate_limited", {
    headers: ["retry-after", String(waitSeconds)],
    fields: { attempts_left: 0, retry_after_seconds: waitSeconds },
    page: pageAgain(x, policy, credential, `Too many wrong attempts. Wait ${waitSeconds} s and try again.`),
  });
}

/** The form once more, saying what went wrong; undefined for programs. */
function pageAgain(
  x: Exchange,
  policy: AccessPolicy,
  credential: Credential,
  problem: string,
): string | undefined {
  if (credential.kind === "header") return undefined;
  const { host, requestId } = x;
  const brand = x.parts.branding.of(x.service!.accountId);
  return signInPage({
    policy,
    brand,
    host,
    requestId,
    wanted: x.path + x.query,
    problem,
    tried: credential.kind,
  });
}

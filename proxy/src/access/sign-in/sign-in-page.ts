import type { Brand } from "../../answer/branding.ts";
import { escapeHtml, page } from "../../answer/error-page.ts";
import type { AccessPolicy } from "../policy.ts";
import { LOGIN_MARK } from "./read-login-form.ts";
import { SIGN_IN_PATH } from "./visitor-paths.ts";

export interface SignInPage {
  readonly policy: AccessPolicy;
  readonly brand: Brand | undefined;
  readonly host: string;
  readonly requestId: string;
  /** Path and query that the visitor asked for. */
  readonly wanted: string;
  /** Shown above the form; empty for none. */
  readonly problem: string;
  /** What the visitor tried last; its tab is the open one. */
  readonly tried?: "password" | "pin" | undefined;
}

type Method = "password" | "pin" | "oidc";
const names: Record<Method, string> = { password: "Password", pin: "PIN", oidc: "Single sign-on" };

/**
 * The page that asks for what the service wants. It has no script: several methods are radio buttons that show one panel
 * each, and the six boxes of a PIN are painted behind one plain field, which password managers and screen readers know.
 */
export function signInPage(asked: SignInPage): string {
  const { policy, brand, host, requestId, problem, tried } = asked;
  const methods = (["password", "pin", "oidc"] as const).filter((method) => policy[method]);
  const open = tried !== undefined && methods.includes(tried) ? tried : methods[0];
  const alert = problem === "" ? "" : `<p role="alert" id="problem">${escapeHtml(problem)}</p>`;
  const parts = methods.map((method) => panel(method, asked, method === open));
  let body: string;
  if (methods.length === 0) {
    body = policy.shareLink
      ? "<p>You need a link that somebody shared with you. Open that link again.</p>"
      : "<p>Only programs may use this service.</p>";
  } else if (methods.length === 1) body = parts[0]!;
  else {
    const tabs = methods.map(
      (method) =>
        `<input class="tab" type="radio" name="method" id="by-${method}"${method === open ? " checked" : ""}>` +
        `<label for="by-${method}">${names[method]}</label>`,
    );
    const panels = methods.map(
      (method, i) => `<div class="panel ${method === "pin" ? "pin-panel" : method}">${parts[i]}</div>`,
    );
    body = `<fieldset><legend>How do you want to sign in?</legend>${tabs.join("")}${panels.join("")}</fieldset>`;
  }
  const programs =
    policy.headerNames.length > 0
      ? "<p><small>Programs may send the credential that they were given in a header.</small></p>"
      : "";
  return page(
    `Sign in to ${host}`,
    `${brand === undefined ? "" : heading(brand)}<h1>Sign in to <span class="host">${breakable(host)}</span></h1>${alert}${body}${programs}
<p><small>401 · request ${escapeHtml(requestId)}</small></p>`,
    brand?.style,
  );
}

function heading({ name, logo }: Brand): string {
  // The name is beside it, so a picture says nothing more to who cannot see it.
  const picture = logo === "" ? "" : `<img class="logo" alt="" src="${escapeHtml(logo)}">`;
  return picture + (name === "" ? "" : `<p class="brand">${escapeHtml(name)}</p>`);
}

/** A long name breaks at its dots. */
function breakable(host: string): string {
  return escapeHtml(host).replaceAll(".", "<wbr>.");
}

function panel(method: Method, { wanted, problem, tried }: SignInPage, open: boolean): string {
  if (method === "oidc") {
    const to = escapeHtml(`${SIGN_IN_PATH}?to=${encodeURIComponent(wanted)}`);
    return `<p><a class="button" href="${to}">Continue with single sign-on</a></p>`;
  }
  const wrong = problem !== "" && tried === method ? ' aria-invalid="true" aria-describedby="problem"' : "";
  const state = `${open ? " autofocus" : ""}${wrong} required`;
  const field =
    method === "password"
      ? `<input type="password" name="password" autocomplete="current-password"${state}>`
      : `<input type="password" name="pin" class="pin" inputmode="numeric" autocomplete="one-time-code"${state}>`;
  // Without an action the form goes to the address that was asked for, query and all.
  return (
    `<form method="post"><input type="hidden" name="${LOGIN_MARK}" value="1">` +
    `<label class="field">${names[method]}${field}</label><button>Sign in</button></form>`
  );
}

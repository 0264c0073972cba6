import type { Readable } from "node:stream";
import { escapeHtml, page } from "../answer/error-page.ts";
import type { Credential } from "./authenticator.ts";
import type { AccessPolicy } from "./policy.ts";

const MAX_FORM_BYTES = 64 * 1024;
const FORM_MS = 10_000;

/**
 * The credential in a submitted form: field `password` or `pin`, urlencoded or multipart. Never from the query, which
 * ends up in histories and logs.
 *
 * @returns undefined when the form has none that the service asks for, or is none
 */
export async function readLoginForm(
  body: Readable,
  contentType: string,
  policy: AccessPolicy,
): Promise<Credential | undefined> {
  const bytes = await readAll(body);
  if (bytes === undefined) return undefined;
  let form: FormData;
  try {
    form = await new Response(bytes, { headers: { "content-type": contentType } }).formData();
  } catch {
    return undefined;
  }
  const password = form.get("password");
  if (policy.password && typeof password === "string" && password !== "")
    return { kind: "password", password };
  const pin = form.get("pin");
  if (policy.pin && typeof pin === "string" && pin !== "") return { kind: "pin", pin };
  return undefined;
}

/** Whether a request body may be a login form at all. */
export function isForm(contentType: string): boolean {
  return /^(application\/x-www-form-urlencoded|multipart\/form-data)\s*(;|$)/i.test(contentType);
}

function readAll(body: Readable): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = (result: Uint8Array<ArrayBuffer> | undefined) => {
      clearTimeout(timer);
      body.off("data", onData);
      // The rest is read and forgotten.
      body.resume();
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_FORM_BYTES) done(undefined);
      else chunks.push(chunk);
    };
    const timer = setTimeout(() => done(undefined), FORM_MS);
    body.on("data", onData);
    body.once("end", () => done(new Uint8Array(Buffer.concat(chunks))));
    body.once("error", () => done(undefined));
    body.once("close", () => done(undefined));
  });
}

/** The page that asks for what the service wants. @param problem shown above the form */
export function loginPage(policy: AccessPolicy, host: string, requestId: string, problem: string): string {
  const fields: string[] = [];
  if (policy.password) {
    fields.push(
      form(
        `<label>Password<input type="password" name="password" autocomplete="current-password" required></label>`,
      ),
    );
  }
  if (policy.pin) {
    fields.push(
      form(
        `<label>PIN<input type="password" name="pin" inputmode="numeric" autocomplete="one-time-code" required></label>`,
      ),
    );
  }
  if (policy.oidc) fields.push("<p>Sign-in with your organisation is not available on this proxy yet.</p>");
  if (policy.headerNames.length > 0) {
    fields.push("<p>Programs may send the credential that they were given in a header.</p>");
  }
  const shown = problem === "" ? "" : `<p role="alert">${escapeHtml(problem)}</p>`;
  return page(
    `Sign in to ${host}`,
    `<h1>Sign in to ${escapeHtml(host)}</h1>${shown}${fields.join("")}
<p><small>401 · request ${escapeHtml(requestId)}</small></p>`,
  );
}

const form = (field: string) =>
  `<form method="post" enctype="application/x-www-form-urlencoded">${field}<button>Sign in</button></form>`;

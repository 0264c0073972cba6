import type { Readable } from "node:stream";
import type { Credential } from "../authenticator.ts";
import type { AccessPolicy } from "../policy.ts";

const MAX_FORM_BYTES = 64 * 1024;
const FORM_MS = 10_000;

/** A hidden field of our own sign-in page. */
export const LOGIN_MARK = "netbird_sign_in";

export type LoginForm =
  | { kind: "login"; credential: Credential }
  /** Some other form, or none. */
  | { kind: "other" }
  | { kind: "too-large" };

const other: LoginForm = { kind: "other" };

/**
 * The credential in a submitted form: field `password` or `pin`, urlencoded or multipart. Never from the query, which
 * ends up in histories and logs.
 *
 * A form counts as a login when it comes from our page, or has no other field, as NetBird's own page sends it. The sign-in
 * form of an application behind us has a name besides the password, which is not ours to check.
 */
export async function readLoginForm(
  body: Readable,
  contentType: string,
  contentLength: string | undefined,
  policy: AccessPolicy,
): Promise<LoginForm> {
  if (Number(contentLength ?? 0) > MAX_FORM_BYTES) return { kind: "too-large" };
  const bytes = await readAll(body);
  if (bytes === "too-large") return { kind: "too-large" };
  if (bytes === undefined) return other;
  let form: FormData | URLSearchParams;
  try {
    form = isMultipart(contentType)
      ? await new Response(bytes, { headers: { "content-type": contentType } }).formData()
      : new URLSearchParams(new TextDecoder().decode(bytes));
  } catch {
    return other;
  }
  const fields = [...form.keys()];
  if (!form.has(LOGIN_MARK) && fields.length !== 1) return other;
  const password = form.get("password");
  if (policy.password && typeof password === "string" && password !== "")
    return { kind: "login", credential: { kind: "password", password } };
  const pin = form.get("pin");
  if (policy.pin && typeof pin === "string" && pin !== "")
    return { kind: "login", credential: { kind: "pin", pin } };
  return other;
}

/** Whether a request body may be a login form at all. */
export function isForm(contentType: string): boolean {
  return /^(application\/x-www-form-urlencoded|multipart\/form-data)\s*(;|$)/i.test(contentType);
}

function isMultipart(contentType: string): boolean {
  return /^multipart\//i.test(contentType);
}

function readAll(body: Readable): Promise<Uint8Array<ArrayBuffer> | "too-large" | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const done = (result: Uint8Array<ArrayBuffer> | "too-large" | undefined) => {
      clearTimeout(timer);
      body.off("data", onData);
      // What is left stays with the client: the connection or stream ends with our answer.
      body.pause();
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_FORM_BYTES) done("too-large");
      else chunks.push(chunk);
    };
    const timer = setTimeout(() => done(undefined), FORM_MS);
    body.on("data", onData);
    body.once("end", () => done(new Uint8Array(Buffer.concat(chunks))));
    body.once("error", () => done(undefined));
    body.once("close", () => done(undefined));
  });
}

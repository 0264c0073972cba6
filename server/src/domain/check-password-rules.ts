import { AppError, type ErrorCode } from "@netbird-proxy/proto";

export const PASSWORD_MIN_BYTES = 8;
/** NetBird hashes with bcrypt, which reads no further; the same passwords shall be good in both. */
export const PASSWORD_MAX_BYTES = 72;

/**
 * Source: reference §4.9: 8 or more, with a digit, an upper-case letter and a special character.
 * @throws AppError with `code`
 */
export function checkPasswordRules(password: string, path: string, code: ErrorCode = "user.invalid"): void {
  const bytes = Buffer.byteLength(password);
  const missing = [
    bytes < PASSWORD_MIN_BYTES ? `at least ${PASSWORD_MIN_BYTES} characters` : "",
    bytes > PASSWORD_MAX_BYTES ? `at most ${PASSWORD_MAX_BYTES} bytes` : "",
    /\p{Nd}/u.test(password) ? "" : "a digit",
    /\p{Lu}/u.test(password) ? "" : "an upper-case letter",
    /[^\p{L}\p{Nd}\s]/u.test(password) ? "" : "a special character",
  ].filter((rule) => rule !== "");
  if (missing.length === 0) return;
  throw new AppError(code, `the password needs ${missing.join(", ")}`, { path });
}

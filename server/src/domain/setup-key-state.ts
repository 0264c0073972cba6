import { createHash, randomUUID } from "node:crypto";
import { AppError } from "@netbird-proxy/proto";
import type { SetupKey } from "../store/setup-keys.ts";

export type SetupKeyState = "valid" | "overused" | "expired" | "revoked";

/** Expired comes before revoked, revoked before overused. */
export function setupKeyState(
  key: Pick<SetupKey, "expiresAt" | "revoked" | "usageLimit" | "usedTimes">,
  nowMs: number,
): SetupKeyState {
  if (key.expiresAt !== null && nowMs >= key.expiresAt) return "expired";
  if (key.revoked) return "revoked";
  if (key.usageLimit > 0 && key.usedTimes >= key.usageLimit) return "overused";
  return "valid";
}

/** @throws AppError `setup_key.expired`, `setup_key.revoked`, `setup_key.overused` */
export function requireUsableSetupKey(key: SetupKey, nowMs: number): void {
  switch (setupKeyState(key, nowMs)) {
    case "expired":
      throw new AppError("setup_key.expired", "the setup key has expired", { path: "setup_key" });
    case "revoked":
      throw new AppError("setup_key.revoked", "the setup key was revoked", { path: "setup_key" });
    case "overused":
      throw new AppError(
        "setup_key.overused",
        `the setup key was used ${key.usedTimes} of ${key.usageLimit} times`,
        { path: "setup_key" },
      );
  }
}

/** An upper-case UUID v4, as NetBird's agents expect. */
export function newSetupKey(): string {
  return randomUUID().toUpperCase();
}

/** Keys compare without regard to case. */
export function hashSetupKey(key: string): string {
  return createHash("sha256").update(key.toUpperCase()).digest("base64");
}

import { spawnSync } from "node:child_process";

/** RSA and DSA in OpenPGP (RFC 9580 §9.1). The registry takes no other. */
const accepted = new Set(["1", "17"]);

function gpg(args: string[]): string {
  const { status, error, stdout, stderr } = spawnSync("gpg", ["--batch", ...args], { encoding: "utf8" });
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ENOENT")
    throw new Error("gpg is needed for --sign; install it first");
  if (status !== 0) throw new Error(`gpg ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/**
 * Refuses, before anything is built, a key that the registry would refuse afterwards.
 * @param key anything gpg finds a secret key by: fingerprint, id, address
 */
export function requireSigningKey(key: string): void {
  const primary = gpg(["--with-colons", "--list-secret-keys", key])
    .split("\n")
    .find((line) => line.startsWith("sec:"));
  if (!accepted.has(primary?.split(":")[3] ?? ""))
    throw new Error(
      `--sign ${key}: the registry takes RSA and DSA keys only. Make one: gpg --quick-generate-key ADDRESS rsa4096 sign never`,
    );
}

/** A binary signature beside the file, with `.sig` at the end of its name. */
export function sign(file: string, key: string): void {
  gpg(["--yes", "--local-user", key, "--output", `${file}.sig`, "--detach-sign", file]);
}

import argon2 from "argon2";

/** Argon2id as NetBird stores it: m = 19 MiB, t = 2, p = 1, 16-byte salt, 32-byte hash, PHC string. */
export async function hashSecret(secret: string): Promise<string> {
  const hash = await argon2.hash(secret, {
    type: argon2.argon2id,
    memoryCost: 19_456,
    timeCost: 2,
    parallelism: 1,
    hashLength: 32,
  });
  // The library sorts the parameters by name; the PHC form for argon2 has them as m, t, p.
  return hash.replace(/\$m=(\d+),p=(\d+),t=(\d+)\$/, "$m=$1,t=$3,p=$2$");
}

/** Honours the parameters in the string; false for an empty or foreign one. */
export async function verifySecret(hash: string, secret: string): Promise<boolean> {
  if (!hash.startsWith("$argon2id$")) return false;
  return argon2.verify(hash, secret);
}

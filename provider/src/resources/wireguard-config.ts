import type { Walk } from "./walk.ts";

/** The wg-quick file of a device as it is now. @throws {ApiFailure} */
export async function fetchWireguardConfig(
  client: Pick<Walk, "api">,
  peerId: string,
  privateKey: string | null,
  signal: AbortSignal,
): Promise<string> {
  const file = await client.api.text(`/peers/${encodeURIComponent(peerId)}/wireguard-config`, signal);
  // As a function: a key is no pattern.
  return privateKey === null ? file : file.replace(/^PrivateKey = .*$/m, () => `PrivateKey = ${privateKey}`);
}

/** Set by Terraform, so that a plugin started by hand can say what it is. Fixed for ever. */
export const MAGIC_COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/** The plugin protocol that we speak. */
export const PROTOCOL_VERSION = 6;

const CORE_VERSION = 1;

/**
 * The line that tells the host where we listen.
 *
 * @param certificateDer ours, when the host asked for mutual TLS
 */
export function handshakeLine(network: "unix" | "tcp", address: string, certificateDer?: Uint8Array): string {
  const parts = [CORE_VERSION, PROTOCOL_VERSION, network, address, "grpc"];
  // Standard alphabet without padding: the host refuses anything else.
  if (certificateDer !== undefined)
    parts.push(Buffer.from(certificateDer).toString("base64").replaceAll("=", ""));
  return `${parts.join("|")}\n`;
}

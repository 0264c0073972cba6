import type { Exchange } from "../exchange.ts";

/** With which the visitor reached us, for redirects: what is in front of the public listener knows better than we do. */
export function schemeOf({ down: { connection }, parts }: Exchange): "http" | "https" {
  if (connection.overlay === undefined) return parts.publicScheme;
  return connection.plain ? "http" : "https";
}

import type { Answer } from "../answer/catalogue.ts";
import type { Exchange } from "../exchange.ts";
import { publicCaller } from "./caller.ts";

/** Finds out who the caller is, as far as the service asks; whether that is enough is decided in the next stage. */
export function identifyCaller(x: Exchange): Answer | undefined | Promise<Answer | undefined> {
  const policy = x.service!.access;
  if (!policy.authenticated && policy.decided && !policy.private) x.caller = publicCaller;
  return undefined;
}

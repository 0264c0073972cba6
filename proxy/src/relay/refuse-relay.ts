import { refuseAddress } from "../access/restrict-address.ts";
import type { Service } from "../route/service.ts";

/**
 * Whether a client may use a service without HTTP. There is no login on this level: a service that asks for one, or that
 * is private, is closed here.
 *
 * @returns the verdict for the access log, or undefined when nothing speaks against it
 */
export function refuseRelay(service: Service, clientAddress: string): string | undefined {
  const { access } = service;
  if (access.private) return "private";
  if (access.authenticated) return "login_required";
  if (access.addresses === undefined) return undefined;
  return refuseAddress(access.addresses, clientAddress)?.slice("access.".length);
}

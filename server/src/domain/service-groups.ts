import type { StoredService } from "../store/services.ts";

/**
 * The groups one of which a caller has to be in; undefined when everybody of the account may pass.
 * Source: reference §10.4 and §10.5: `private` goes by access groups (an empty list lets nobody in), bearer
 * authentication by its distribution groups (an empty list lets everybody in).
 */
export function requiredGroups(
  service: Pick<StoredService, "private" | "accessGroups" | "auth">,
): readonly string[] | undefined {
  if (service.private) return service.accessGroups;
  const { bearer } = service.auth;
  return bearer?.enabled && bearer.groups.length > 0 ? bearer.groups : undefined;
}

/** Whether being in the overlay counts as a login; elsewhere a PIN is not asked in vain (reference §21, item 6). */
export function takesTunnelLogin({
  private: isPrivate,
  auth,
}: Pick<StoredService, "private" | "auth">): boolean {
  return isPrivate || (auth.bearer?.enabled ?? false);
}

export function isInRequiredGroups(
  required: readonly string[] | undefined,
  groups: readonly string[],
): boolean {
  return required === undefined || groups.some((group) => required.includes(group));
}

/** The states of a service, as NetBird names them. Everything but `active` carries a {@link StatusReason}. */
export const serviceStates = [
  "pending",
  "active",
  "tunnel_not_created",
  "certificate_pending",
  "certificate_failed",
  "error",
] as const;

export type ServiceState = (typeof serviceStates)[number];

/** Why a service is not active, for programs (`code`) and for people. */
export interface StatusReason {
  /** A key of {@link reasonCodes}. */
  code: string;
  message: string;
  /** What to do about it. */
  hint: string;
}

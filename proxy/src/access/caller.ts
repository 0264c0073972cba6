/** Who a request comes from, as far as the service asks. */
export interface Caller {
  /** How it showed who it is. */
  readonly method: "public" | "password" | "pin" | "header" | "oidc";
  readonly userId: string;
  /** E-mail or display name; empty when unknown. */
  readonly user: string;
  /** Group names, ids where a name is missing. */
  readonly groups: readonly string[];
}

export const publicCaller: Caller = { method: "public", userId: "", user: "", groups: [] };

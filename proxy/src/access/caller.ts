/** Who a request comes from, as far as the service asks. */
export interface Caller {
  /** How it showed who it is. */
  readonly method:
    | "public"
    | "password"
    | "pin"
    | "header"
    | "oidc"
    | "token"
    | "link"
    | "certificate"
    | "tunnel";
  readonly userId: string;
  /** E-mail or display name, `token:` and the name of a service token; empty when unknown. */
  readonly user: string;
  /** Group names, ids where a name is missing. */
  readonly groups: readonly string[];
}

export const publicCaller: Caller = { method: "public", userId: "", user: "", groups: [] };

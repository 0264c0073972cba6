import Type, { type Static } from "typebox";

export const PreflightQuery = Type.Object({
  domain: Type.String({
    default: "",
    description: "The name that a service is to have.",
    examples: ["shop.apps.example.com"],
  }),
});
export type PreflightQuery = Static<typeof PreflightQuery>;

export const PreflightCheck = Type.Object(
  {
    name: Type.Enum(["domain", "cluster", "dns", "certificate", "caa", "challenge", "authority"]),
    ok: Type.Boolean(),
    code: Type.String({ description: "`ok`, or a code of docs/errors.md." }),
    message: Type.String(),
    hint: Type.String({ description: "What to do about it; empty when it is ok." }),
  },
  { title: "PreflightCheck" },
);

export const Preflight = Type.Object(
  { domain: Type.String(), ok: Type.Boolean(), checks: Type.Array(PreflightCheck) },
  { title: "Preflight" },
);
export type Preflight = Static<typeof Preflight>;

import Type, { type Static } from "typebox";
import { Timestamp } from "./shared.ts";

export const ProxyTokenRequest = Type.Object(
  {
    name: Type.String({ default: "", description: "1 to 255 bytes." }),
    expires_in: Type.Optional(Type.Integer({ description: "Seconds; absent or 0: never." })),
  },
  { title: "ProxyTokenRequest" },
);
export type ProxyTokenRequest = Static<typeof ProxyTokenRequest>;

const fields = {
  id: Type.String(),
  name: Type.String(),
  created_at: Timestamp,
  revoked: Type.Boolean(),
  expires_at: Type.Optional(Timestamp),
  last_used: Type.Optional(Timestamp),
};

export const ProxyToken = Type.Object(fields, { title: "ProxyToken" });
export type ProxyToken = Static<typeof ProxyToken>;

export const ProxyTokenCreated = Type.Object(
  { ...fields, plain_token: Type.String({ description: "Shown once." }) },
  { title: "ProxyTokenCreated" },
);
export type ProxyTokenCreated = Static<typeof ProxyTokenCreated>;

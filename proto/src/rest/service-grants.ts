import Type, { type Static } from "typebox";
import { Timestamp } from "./shared.ts";

export const ServiceGrantParams = Type.Object({ id: Type.String(), grantId: Type.String() });

const name = Type.String({ default: "", description: "1 to 100 bytes; unique on the service." });

export const ServiceTokenRequest = Type.Object(
  {
    name,
    expires_in: Type.Optional(Type.Integer({ description: "Seconds; absent or 0: never." })),
  },
  { title: "ServiceTokenRequest" },
);
export type ServiceTokenRequest = Static<typeof ServiceTokenRequest>;

const tokenFields = {
  id: Type.String(),
  name: Type.String(),
  created_at: Timestamp,
  created_by: Type.String({ description: "Id of the user who made it." }),
  expires_at: Type.Optional(Timestamp),
  last_used: Type.Optional(Timestamp),
};

/** A machine's credential for one service. */
export const ServiceToken = Type.Object(tokenFields, { title: "ServiceToken" });
export type ServiceToken = Static<typeof ServiceToken>;

export const ServiceTokenCreated = Type.Object(
  { ...tokenFields, plain_token: Type.String({ description: "Shown once." }) },
  { title: "ServiceTokenCreated" },
);
export type ServiceTokenCreated = Static<typeof ServiceTokenCreated>;

export const ShareLinkRequest = Type.Object(
  {
    name,
    expires_in: Type.Integer({ default: 0, description: "Seconds until it stops working; at least 60." }),
    max_uses: Type.Optional(
      Type.Integer({ description: "How many browsers may use it; absent or 0: any number." }),
    ),
    path: Type.Optional(Type.String({ description: "Where it leads, such as /report?week=7; absent: /." })),
  },
  { title: "ShareLinkRequest" },
);
export type ShareLinkRequest = Static<typeof ShareLinkRequest>;

const linkFields = {
  id: Type.String(),
  name: Type.String(),
  path: Type.String(),
  created_at: Timestamp,
  created_by: Type.String({ description: "Id of the user who made it." }),
  expires_at: Timestamp,
  max_uses: Type.Integer({ description: "0: any number." }),
  uses: Type.Integer(),
  last_used: Type.Optional(Timestamp),
};

/** A link that lets whoever has it into one service. */
export const ShareLink = Type.Object(linkFields, { title: "ShareLink" });
export type ShareLink = Static<typeof ShareLink>;

export const ShareLinkCreated = Type.Object(
  { ...linkFields, url: Type.String({ description: "The link itself, with its secret; shown once." }) },
  { title: "ShareLinkCreated" },
);
export type ShareLinkCreated = Static<typeof ShareLinkCreated>;

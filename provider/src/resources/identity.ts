import type { Identity } from "../framework/identity.ts";

/** Ids of the API are unique, also across accounts, so one says which object is meant. */
export const byId: Identity = { version: 0, attributes: ["id"] };

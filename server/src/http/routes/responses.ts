import { ErrorBody } from "@netbird-proxy/proto/rest";
import type { TSchema } from "typebox";

/** The answers of a route, for the document: what it gives, and one shape for every failure. */
export function answers<T extends TSchema>(schema: T, description = "OK") {
  return {
    200: { description, content: { "application/json": { schema } } },
    "4xx": {
      description: "Refused; nothing was written.",
      content: { "application/json": { schema: ErrorBody } },
    },
  };
}

/** An answer without a body; sending null itself would write the four letters. */
export const NOTHING = "" as unknown as null;

import Type, { type Static } from "typebox";

export const MAX_BATCH_OPERATIONS = 200;

/** Ours: many writes in one transaction. */
export const BatchRequest = Type.Object(
  {
    operations: Type.Array(
      Type.Object({
        ref: Type.Optional(
          Type.String({
            pattern: "^[A-Za-z0-9_-]{1,64}$",
            description: "Lets later operations say @{ref.id} in their path and body.",
          }),
        ),
        method: Type.Enum(["POST", "PUT", "PATCH", "DELETE"]),
        path: Type.String({ description: "Such as /api/networks/@{net.id}/resources; no query." }),
        body: Type.Optional(Type.Unknown({ description: "As the operation takes it by itself." })),
        if_match: Type.Optional(Type.String({ description: "As the header If-Match." })),
      }),
      { minItems: 1, maxItems: MAX_BATCH_OPERATIONS },
    ),
  },
  { title: "BatchRequest" },
);
export type BatchRequest = Static<typeof BatchRequest>;

export const BatchResponse = Type.Object(
  {
    results: Type.Array(
      Type.Object({
        ref: Type.Optional(Type.String()),
        method: Type.String(),
        path: Type.String(),
        status: Type.Integer({ description: "As the operation would answer by itself." }),
        body: Type.Unknown({ description: "The operation's answer, or its error." }),
        etag: Type.Optional(Type.String()),
      }),
    ),
  },
  { title: "BatchResponse" },
);
export type BatchResponse = Static<typeof BatchResponse>;

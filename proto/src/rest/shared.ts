import Type, { type Static, type TSchema } from "typebox";

/** `null` where NetBird's API answers null instead of an empty value. */
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** RFC 3339, UTC. "Never" in a field that is always there is `0001-01-01T00:00:00Z`. */
export const Timestamp = Type.String({ format: "date-time" });

export const NEVER = "0001-01-01T00:00:00Z";

/** Every failure. `message` and `code` are NetBird's, `error` is ours. */
export const ErrorBody = Type.Object(
  {
    message: Type.String(),
    code: Type.Integer({ description: "Repeats the HTTP status." }),
    error: Type.Object({
      code: Type.String({ description: "Stable code, listed in docs/errors.md." }),
      path: Type.String({ description: "The field it is about, such as targets[1].path; may be empty." }),
      hint: Type.String({ description: "What to do about it." }),
      request_id: Type.Optional(
        Type.String({ description: "Present when the cause is in the server's log." }),
      ),
    }),
  },
  { title: "Error" },
);
export type ErrorBody = Static<typeof ErrorBody>;

export const EmptyObject = Type.Object({}, { title: "Empty" });
export type EmptyObject = Static<typeof EmptyObject>;

export const IdParams = Type.Object({ id: Type.String() });
export type IdParams = Static<typeof IdParams>;

/** On POST, PUT and DELETE: everything is checked and the result shown, nothing is kept. */
export const DryRunQuery = Type.Object({
  dry_run: Type.Optional(
    Type.Enum(["true", "false"], {
      description: "true: check everything, answer with the result, keep nothing.",
    }),
  ),
});
export type DryRunQuery = Static<typeof DryRunQuery>;

export const DeletionQuery = Type.Object({
  ...DryRunQuery.properties,
  wait: Type.Optional(
    Type.String({
      description:
        "Seconds, at most 60: answers when every connected proxy of the cluster has let go of it, or after that time. The header NetBird-Applied says which.",
    }),
  ),
});

/** How another object shows the groups that it is in. */
export const GroupSummary = Type.Object(
  { id: Type.String(), name: Type.String(), peers_count: Type.Integer(), resources_count: Type.Integer() },
  { title: "GroupSummary" },
);
export type GroupSummary = Static<typeof GroupSummary>;

import Type, { type Static } from "typebox";

/** What a client may count on beyond NetBird's API. */
export const features = [
  "dry_run",
  "revisions",
  "targets_status",
  "patch",
  "etag",
  "batch",
  "idempotency_key",
  "list_paging",
  "service_targets",
  "service_diagnose",
  "preflight",
  "uploaded_certificates",
  "dns_credentials",
  "deletion_wait",
] as const;

export const Instance = Type.Object(
  {
    setup_required: Type.Boolean(),
    // The rest is ours.
    version: Type.String(),
    features: Type.Array(Type.String(), { description: features.join(", ") }),
  },
  { title: "Instance" },
);
export type Instance = Static<typeof Instance>;

export const InstanceVersion = Type.Object(
  {
    management_current_version: Type.String(),
    management_available_version: Type.Optional(Type.String()),
    dashboard_available_version: Type.Optional(Type.String()),
    management_update_available: Type.Boolean(),
  },
  { title: "InstanceVersion" },
);
export type InstanceVersion = Static<typeof InstanceVersion>;

export const SetupRequest = Type.Object(
  {
    email: Type.String({ default: "" }),
    name: Type.String({ default: "" }),
    password: Type.String({ default: "", description: "8 to 72 bytes." }),
    create_pat: Type.Optional(
      Type.Boolean({ description: "Needs NB_SETUP_PAT_ENABLED=true on the server; ignored otherwise." }),
    ),
    pat_expire_in: Type.Optional(Type.Integer({ description: "Days, 1 to 365; absent: 1." })),
  },
  { title: "SetupRequest" },
);
export type SetupRequest = Static<typeof SetupRequest>;

export const SetupResponse = Type.Object(
  {
    user_id: Type.String(),
    email: Type.String(),
    personal_access_token: Type.Optional(Type.String({ description: "Shown once." })),
  },
  { title: "SetupResponse" },
);
export type SetupResponse = Static<typeof SetupResponse>;

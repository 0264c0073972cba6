import type { SetupKey } from "../client/api-types.ts";
import { flag, integer, setOfText, text } from "../framework/schema.ts";
import { bytesBetween, integerBetween, oneOf } from "../framework/validators.ts";
import { TEN_YEARS_SECONDS } from "../resources/issued.ts";
import { sorted } from "../resources/sorted.ts";
import { timeOrNull } from "../resources/zero-time.ts";
import { shortLived } from "./short-lived.ts";

const HOUR_SECONDS = 3600;

const attributes = {
  name: text({ description: "Name of the key.", required: true, validators: [bytesBetween(1, 255)] }),
  type: text({
    description: "`one-off` or `reusable`. Defaults to `one-off`.",
    default: "one-off",
    validators: [oneOf("reusable", "one-off")],
  }),
  expiry_seconds: integer({
    description: "How long the key is valid, in seconds. Defaults to one hour.",
    default: HOUR_SECONDS,
    validators: [integerBetween(1, TEN_YEARS_SECONDS)],
  }),
  usage_limit: integer({
    description: "How many peers may use a reusable key. Defaults to 0: any number.",
    optional: true,
    validators: [integerBetween(0, 1_000_000)],
  }),
  ephemeral: flag({
    description: "Peers that join with it are removed when they stay offline. Defaults to false.",
    default: false,
  }),
  allow_extra_dns_labels: flag({
    description: "Peers that join with it may add DNS labels. Defaults to false.",
    default: false,
  }),
  auto_groups: setOfText({
    description: "Ids of the groups that peers join with the key.",
    optional: true,
  }),
  keep: flag({
    description:
      "Leaves the key alone when Terraform is done, until it ends by itself: for a machine that joins later. Every plan and every apply then leaves one behind.",
    optional: true,
  }),
  id: text({ description: "Id of the key.", computed: true }),
  key: text({ description: "The key itself.", computed: true, sensitive: true }),
  expires: text({ description: "When it ends, RFC 3339.", computed: true }),
};

export const ephemeralSetupKey = shortLived({
  typeName: "netbird_setup_key",
  what: "setup key",
  description: "A key with which peers join, made for this run of Terraform and deleted at its end.",
  attributes,

  validate(config, diagnostics) {
    if (config.type !== "reusable" && typeof config.usage_limit === "number" && config.usage_limit !== 1)
      diagnostics.error(
        ["usage_limit"],
        "Does not fit the type",
        "A one-off key is used once; leave `usage_limit` out.",
      );
  },

  async make(api, config, signal) {
    const type = (config.type ?? "one-off") as "one-off";
    const created = await api.post<SetupKey>(
      "/setup-keys",
      {
        name: config.name,
        type,
        expires_in: config.expiry_seconds ?? HOUR_SECONDS,
        usage_limit: config.usage_limit ?? (type === "one-off" ? 1 : 0),
        auto_groups: sorted(config.auto_groups),
        ephemeral: config.ephemeral ?? false,
        allow_extra_dns_labels: config.allow_extra_dns_labels ?? false,
      },
      signal,
    );
    return {
      path: `/setup-keys/${encodeURIComponent(created.id)}`,
      endsAt: timeOrNull(created.expires) ?? undefined,
      told: {
        type: created.type,
        expiry_seconds: config.expiry_seconds ?? HOUR_SECONDS,
        ephemeral: created.ephemeral,
        allow_extra_dns_labels: created.allow_extra_dns_labels,
        id: created.id,
        key: created.key,
        expires: timeOrNull(created.expires),
      },
    };
  },
});

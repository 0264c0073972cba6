import type { PersonalAccessTokenCreated } from "../client/api-types.ts";
import { integer, text } from "../framework/schema.ts";
import { bytesBetween, integerBetween } from "../framework/validators.ts";
import { shortLived } from "./short-lived.ts";

const attributes = {
  user_id: text({
    description: "Id of the user it belongs to: a service user, or yourself.",
    required: true,
  }),
  name: text({ description: "Name of the token.", required: true, validators: [bytesBetween(1, 255)] }),
  expiration_days: integer({
    description: "How long it is valid should Terraform never come back, 1 to 365 days. Defaults to 1.",
    default: 1,
    validators: [integerBetween(1, 365)],
  }),
  id: text({ description: "Id of the token.", computed: true }),
  token: text({ description: "The token itself.", computed: true, sensitive: true }),
  expiration_date: text({ description: "When it ends, RFC 3339.", computed: true }),
};

export const ephemeralToken = shortLived({
  typeName: "netbird_token",
  what: "token",
  description: "A personal access token, made for this run of Terraform and deleted at its end.",
  attributes,

  async make(api, config, signal) {
    const collection = `/users/${encodeURIComponent(config.user_id!)}/tokens`;
    const days = config.expiration_days ?? 1;
    const { personal_access_token: created, plain_token: plain } = await api.post<PersonalAccessTokenCreated>(
      collection,
      { name: config.name, expires_in: days },
      signal,
    );
    return {
      path: `${collection}/${encodeURIComponent(created.id)}`,
      endsAt: created.expiration_date,
      told: {
        expiration_days: days,
        id: created.id,
        token: plain,
        expiration_date: created.expiration_date,
      },
    };
  },
});

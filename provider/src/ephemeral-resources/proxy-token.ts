import type { ProxyTokenCreated } from "../client/api-types.ts";
import { integer, text } from "../framework/schema.ts";
import { bytesBetween, integerBetween } from "../framework/validators.ts";
import { TEN_YEARS_SECONDS } from "../resources/issued.ts";
import { shortLived } from "./short-lived.ts";

const HOUR_SECONDS = 3600;

const attributes = {
  name: text({ description: "Name of the token.", required: true, validators: [bytesBetween(1, 255)] }),
  expiry_seconds: integer({
    description: "How long it is valid should Terraform never come back, in seconds. Defaults to one hour.",
    default: HOUR_SECONDS,
    validators: [integerBetween(1, TEN_YEARS_SECONDS)],
  }),
  id: text({ description: "Id of the token.", computed: true }),
  token: text({ description: "The token itself.", computed: true, sensitive: true }),
  expires_at: text({ description: "When it ends, RFC 3339.", computed: true }),
};

export const ephemeralProxyToken = shortLived({
  typeName: "netbird_proxy_token",
  what: "proxy token",
  description: "A token with which a proxy joins, made for this run of Terraform and revoked at its end.",
  attributes,

  async make(api, config, signal) {
    const collection = "/reverse-proxies/proxy-tokens";
    const seconds = config.expiry_seconds ?? HOUR_SECONDS;
    const created = await api.post<ProxyTokenCreated>(
      collection,
      { name: config.name, expires_in: seconds },
      signal,
    );
    return {
      path: `${collection}/${encodeURIComponent(created.id)}`,
      endsAt: created.expires_at,
      told: {
        expiry_seconds: seconds,
        id: created.id,
        token: created.plain_token,
        expires_at: created.expires_at ?? null,
      },
    };
  },
});

import type { DnsCredentials } from "@netbird-proxy/proto/rest";
import type { DnsCredentials as StoredCredentials } from "../../store/dns-credentials.ts";
import { timestamp } from "./timestamp.ts";

/** The secret is never part of an answer. */
export function viewDnsCredentials(credentials: StoredCredentials): DnsCredentials {
  const { settings, lastUsedAt, lastError } = credentials;
  return {
    id: credentials.id,
    domain: credentials.domain,
    wildcard: credentials.wildcard,
    provider: settings.provider,
    ...viewSettings(settings),
    propagation_seconds: credentials.propagationSeconds,
    ...(lastUsedAt === null ? {} : { last_used_at: timestamp(lastUsedAt) }),
    ...(lastError === "" ? {} : { last_error: lastError }),
    created_at: timestamp(credentials.createdAt),
    updated_at: timestamp(credentials.updatedAt),
  };
}

function viewSettings(
  settings: StoredCredentials["settings"],
): Pick<DnsCredentials, "rfc2136" | "acme_dns" | "webhook"> {
  switch (settings.provider) {
    case "rfc2136": {
      const { server, keyName, keyAlgorithm, zone } = settings;
      return {
        rfc2136: {
          server,
          key_name: keyName,
          key_algorithm: keyAlgorithm,
          ...(zone === "" ? {} : { zone }),
        },
      };
    }
    case "acme-dns": {
      const { serverUrl, username, subdomain } = settings;
      return { acme_dns: { server_url: serverUrl, username, subdomain } };
    }
    case "webhook": {
      const { url, username } = settings;
      return { webhook: { url, ...(username === "" ? {} : { username }) } };
    }
  }
}

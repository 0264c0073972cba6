import { readFileSync } from "node:fs";
import { ApiClient } from "./client/api-client.ts";
import { describeApiFailure } from "./client/describe-failure.ts";
import { directTransport } from "./client/direct-transport.ts";
import { proxiedTransport } from "./client/proxied-transport.ts";
import { type ProviderEnvironment, version } from "./config.ts";
import { isUnknown } from "./convert/value.ts";
import { accountSettingsData } from "./data-sources/account-settings.ts";
import { groupData } from "./data-sources/group.ts";
import { kindDataSources } from "./data-sources/listed-kinds.ts";
import { peerData } from "./data-sources/peer.ts";
import { peersData } from "./data-sources/peers.ts";
import { proxyClustersData, reverseProxyClustersData } from "./data-sources/proxy-clusters.ts";
import { proxyDomainsData } from "./data-sources/proxy-domains.ts";
import { proxyServiceData } from "./data-sources/proxy-service.ts";
import { reverseProxyDomainData } from "./data-sources/reverse-proxy-domain.ts";
import { wireguardConfigData } from "./data-sources/wireguard-config.ts";
import { ephemeralProxyToken } from "./ephemeral-resources/proxy-token.ts";
import { ephemeralSetupKey } from "./ephemeral-resources/setup-key.ts";
import { ephemeralToken } from "./ephemeral-resources/token.ts";
import { parseDurationMs } from "./framework/duration.ts";
import type { Provider } from "./framework/resource.ts";
import { flag, integer, mapOfText, type PlanOf, text } from "./framework/schema.ts";
import { duration, integerBetween, oneOf } from "./framework/validators.ts";
import { durationSeconds } from "./functions/duration-seconds.ts";
import { parseId } from "./functions/parse-id.ts";
import { serviceUrl } from "./functions/service-url.ts";
import { listResources } from "./list-resources/listed.ts";
import { accountSettings } from "./resources/account-settings.ts";
import { certificate } from "./resources/certificate.ts";
import { customDomain } from "./resources/custom-domain.ts";
import { dnsCredentials } from "./resources/dns-credentials.ts";
import { group } from "./resources/group.ts";
import { network } from "./resources/network.ts";
import { networkResource } from "./resources/network-resource.ts";
import { networkRouter } from "./resources/network-router.ts";
import { peer } from "./resources/peer.ts";
import { policy } from "./resources/policy.ts";
import { type PreflightMode, preflightModes } from "./resources/preflight.ts";
import { proxyService } from "./resources/proxy-service.ts";
import { proxyServiceTarget } from "./resources/proxy-service-target.ts";
import { proxyServiceToken } from "./resources/proxy-service-token.ts";
import { proxyShareLink } from "./resources/proxy-share-link.ts";
import { proxyToken } from "./resources/proxy-token.ts";
import { reverseProxyDomain } from "./resources/reverse-proxy-domain.ts";
import { reverseProxyService } from "./resources/reverse-proxy-service.ts";
import { setupKey } from "./resources/setup-key.ts";
import { token } from "./resources/token.ts";
import { user } from "./resources/user.ts";
import { unconfiguredWalk, type Walk, walk } from "./resources/walk.ts";
import { wireguardPeer } from "./resources/wireguard-peer.ts";

/** As configurations write it in `required_providers`. */
export const providerAddress = "registry.terraform.io/netbirdio/netbird";

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_RETRIES = 4;
const CONCURRENT_REQUESTS = 10;

const attributes = {
  management_url: text({
    description:
      "Address of the management server. Falls back to the environment variable `NB_MANAGEMENT_URL`.",
    optional: true,
  }),
  token: text({
    description: "Personal access token (`nbp_...`). Falls back to the environment variable `NB_PAT`.",
    optional: true,
    sensitive: true,
  }),
  request_timeout: text({
    description: "How long one request may take. Defaults to `30s`.",
    optional: true,
    validators: [duration],
  }),
  max_retries: integer({
    description: "How often a request is repeated that failed for a passing reason. Defaults to 4.",
    optional: true,
    validators: [integerBetween(0, 20)],
  }),
  preflight: text({
    description:
      "What happens when the server would refuse what is planned: `error` fails the plan, `warn` only says so, `off` does not ask. Defaults to `error`. NetBird's own server cannot be asked.",
    optional: true,
    validators: [oneOf(...preflightModes)],
  }),
  ca_cert: text({
    description: "Certificate authority to trust beside the system's: PEM text, or the path of a PEM file.",
    optional: true,
  }),
  insecure: flag({
    description: "Accepts any certificate of the server. For experiments only.",
    optional: true,
  }),
  headers: mapOfText({
    description: "Headers to send with every request, for a gateway in front of the server.",
    optional: true,
    sensitive: true,
  }),
};

type Config = PlanOf<typeof attributes>;

/** The provider `netbird`. The environment gives fallbacks for its block, and the forward proxy. */
export function netbirdProvider(environment: ProviderEnvironment): Provider<typeof attributes, Walk> {
  return {
    schema: { version: 0, description: "Manages NetBird's reverse proxy and what it needs.", attributes },
    resources: [
      accountSettings,
      certificate,
      customDomain,
      dnsCredentials,
      group,
      network,
      networkResource,
      networkRouter,
      peer,
      policy,
      proxyService,
      proxyServiceTarget,
      proxyServiceToken,
      proxyShareLink,
      proxyToken,
      reverseProxyDomain,
      reverseProxyService,
      setupKey,
      token,
      user,
      wireguardPeer,
    ],
    dataSources: [
      accountSettingsData,
      groupData,
      peerData,
      peersData,
      proxyClustersData,
      proxyDomainsData,
      proxyServiceData,
      reverseProxyClustersData,
      reverseProxyDomainData,
      wireguardConfigData,
      ...kindDataSources,
    ],
    ephemeralResources: [ephemeralProxyToken, ephemeralSetupKey, ephemeralToken],
    listResources,
    functions: [durationSeconds, parseId, serviceUrl],

    configure(config, { terraformVersion, diagnostics, log }) {
      const unknownNames = Object.keys(attributes).filter((name) => isUnknown(config[name as keyof Config]));
      // Falling back to the environment here would talk to another server than the one that is meant.
      if (unknownNames.length > 0) return unconfiguredWalk(unknownNames);

      const managementUrl = known(config.management_url) ?? environment.managementUrl;
      const accessToken = known(config.token) ?? environment.token;
      if (!managementUrl)
        diagnostics.error(
          ["management_url"],
          "The address of the management server is missing",
          "Set `management_url` in the provider block, or the environment variable NB_MANAGEMENT_URL.",
        );
      if (!accessToken)
        diagnostics.error(
          ["token"],
          "The token is missing",
          "Set `token` in the provider block, or the environment variable NB_PAT.",
        );
      const url = managementUrl ? parseUrl(managementUrl) : undefined;
      if (managementUrl && url === undefined)
        diagnostics.error(
          ["management_url"],
          "Not an address",
          `"${managementUrl}" is not an http or https URL, such as https://netbird.example.com.`,
        );
      if (accessToken && /[^\x21-\x7e]/.test(accessToken))
        diagnostics.error(
          ["token"],
          "Not a token",
          "The token has characters that no token has, perhaps a line break.",
        );
      const caCertificatePem = readCertificate(known(config.ca_cert));
      if (caCertificatePem instanceof Error)
        diagnostics.error(["ca_cert"], "Cannot read the certificate", caCertificatePem.message);
      if (diagnostics.hasErrors || url === undefined || !accessToken || caCertificatePem instanceof Error)
        return undefined;

      const options = {
        maxConnections: CONCURRENT_REQUESTS,
        caCertificatePem,
        insecure: known(config.insecure) ?? false,
      };
      const { proxy } = environment;
      const throughProxy = url.protocol === "https:" ? proxy.https : proxy.http;
      return walk(
        new ApiClient({
          managementUrl: url,
          token: accessToken,
          userAgent: `terraform-provider-netbird/${version} terraform/${terraformVersion || "unknown"}`,
          requestTimeoutMs: parseDurationMs(known(config.request_timeout) ?? "") ?? DEFAULT_TIMEOUT_MS,
          maxRetries: known(config.max_retries) ?? DEFAULT_RETRIES,
          concurrency: CONCURRENT_REQUESTS,
          headers: (known(config.headers) as ReadonlyMap<string, string> | undefined) ?? new Map(),
          transport: throughProxy ? proxiedTransport(options, proxy) : directTransport(options),
          log,
        }),
        (known(config.preflight) ?? "error") as PreflightMode,
      );
    },

    describeFailure: describeApiFailure,

    close(client) {
      if (client.ready) client.api.close();
    },
  };
}

function known<T>(
  value: T,
): Exclude<T, null | object> | (T extends ReadonlyMap<string, unknown> ? T : never) | undefined {
  return value === null || value === undefined || isUnknown(value) ? undefined : (value as never);
}

function parseUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === "http:" || url.protocol === "https:" ? url : undefined;
}

function readCertificate(text: string | undefined): string | undefined | Error {
  if (text === undefined || text === "") return undefined;
  if (text.includes("-----BEGIN")) return text;
  try {
    return readFileSync(text, "utf8");
  } catch (error) {
    return error as Error;
  }
}

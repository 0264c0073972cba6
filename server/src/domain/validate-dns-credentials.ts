import { AppError } from "@netbird-proxy/proto";
import type { DnsCredentialsRequest } from "@netbird-proxy/proto/rest";
import { type TsigAlgorithm, tsigAlgorithms } from "../dns/challenge/tsig.ts";
import type { DnsCredentials, DnsSettings } from "../store/dns-credentials.ts";
import { isDomainName } from "./domain-name.ts";
import { readServerAddress } from "./server-address.ts";

export interface DnsCredentialsDraft
  extends Pick<DnsCredentials, "domain" | "wildcard" | "settings" | "propagationSeconds"> {
  /** Empty: keep the stored one, or none. */
  secret: string;
  /** Where the request has the secret; undefined when the provider does without. */
  secretPath: string;
  secretRequired: boolean;
}

const MAX_PROPAGATION_SECONDS = 300;
const MAX_CHARACTERS = 1024;
/** A key shorter than this can be guessed (RFC 8945 §8 asks for the length of the hash). */
const MIN_KEY_BYTES = 16;

function invalid(path: string, message: string, hint?: string): never {
  throw new AppError("dns_credentials.invalid", message, { path, ...(hint === undefined ? {} : { hint }) });
}

/**
 * Everything that can be said without asking anybody. The first broken rule is named.
 * @throws AppError `dns_credentials.invalid`
 */
export function readDnsCredentials(body: DnsCredentialsRequest): DnsCredentialsDraft {
  const domain = body.domain.toLowerCase();
  if (!isDomainName(domain)) {
    const hint = domain.startsWith("*.") ? "Name the domain itself, and set wildcard to true." : undefined;
    invalid("domain", `${JSON.stringify(body.domain)} is no domain name`, hint);
  }
  const { propagation_seconds: propagationSeconds } = body;
  if (propagationSeconds < 0 || propagationSeconds > MAX_PROPAGATION_SECONDS) {
    invalid("propagation_seconds", `propagation_seconds must be 0 to ${MAX_PROPAGATION_SECONDS}`);
  }
  const own = memberOf[body.provider];
  for (const member of Object.values(memberOf)) {
    if (member !== own && body[member] !== undefined) {
      invalid(member, `${member} does not go with the provider ${body.provider}`);
    }
  }
  return { domain, wildcard: body.wildcard, propagationSeconds, ...readProvider(body) };
}

const memberOf = { rfc2136: "rfc2136", "acme-dns": "acme_dns", webhook: "webhook" } as const;

type ProviderPart = Pick<DnsCredentialsDraft, "settings" | "secret" | "secretPath" | "secretRequired">;

function readProvider(body: DnsCredentialsRequest): ProviderPart {
  switch (body.provider) {
    case "rfc2136":
      return readDynamicUpdate(body.rfc2136);
    case "acme-dns":
      return readAcmeDns(body.acme_dns);
    case "webhook":
      return readWebhook(body.webhook);
  }
}

function readDynamicUpdate(given: DnsCredentialsRequest["rfc2136"]): ProviderPart {
  if (!given) return invalid("rfc2136", "rfc2136 is required with this provider");
  const { server, key_name, key_algorithm = "", zone = "", key_secret: secret = "" } = given;
  if (!readServerAddress(server))
    invalid("rfc2136.server", `${JSON.stringify(server)} is not host or host:port`);
  const keyName = withoutDot(key_name);
  if (!isDomainName(keyName) && !/^[\w-]{1,63}$/.test(keyName)) {
    invalid("rfc2136.key_name", `${JSON.stringify(key_name)} is no name of a TSIG key`);
  }
  const keyAlgorithm = (key_algorithm || "hmac-sha256") as TsigAlgorithm;
  if (!tsigAlgorithms.includes(keyAlgorithm)) {
    invalid("rfc2136.key_algorithm", `key_algorithm must be one of ${tsigAlgorithms.join(", ")}`);
  }
  if (zone !== "" && !isDomainName(withoutDot(zone))) {
    invalid("rfc2136.zone", `${JSON.stringify(zone)} is no domain name`);
  }
  const path = "rfc2136.key_secret";
  if (secret !== "") {
    // The value is not repeated: it is a secret, even a mistyped one.
    const isBase64 = secret.length <= MAX_CHARACTERS && /^[A-Za-z0-9+/]+={0,2}$/.test(secret);
    if (!isBase64 || secret.length % 4 !== 0) {
      invalid(path, "key_secret is not base64", "Copy the secret as tsig-keygen prints it.");
    }
    if (Buffer.from(secret, "base64").length < MIN_KEY_BYTES) {
      invalid(path, `key_secret has less than ${MIN_KEY_BYTES} bytes`, "Make a key with tsig-keygen.");
    }
  }
  const settings: DnsSettings = {
    provider: "rfc2136",
    server,
    keyName,
    keyAlgorithm,
    zone: withoutDot(zone),
  };
  return { settings, secret, secretPath: path, secretRequired: true };
}

function readAcmeDns(given: DnsCredentialsRequest["acme_dns"]): ProviderPart {
  if (!given) return invalid("acme_dns", "acme_dns is required with this provider");
  const { server_url: serverUrl, username, subdomain, password: secret = "" } = given;
  checkUrl("acme_dns.server_url", serverUrl);
  checkHeaderText("acme_dns.username", username, { required: true });
  if (!/^[a-z0-9-]{1,63}$/i.test(subdomain)) {
    invalid(
      "acme_dns.subdomain",
      `${JSON.stringify(subdomain)} is no subdomain as acme-dns gives it out`,
      "It is the first label of fulldomain.",
    );
  }
  checkHeaderText("acme_dns.password", secret, { required: false });
  const settings: DnsSettings = { provider: "acme-dns", serverUrl, username, subdomain };
  return { settings, secret, secretPath: "acme_dns.password", secretRequired: true };
}

function readWebhook(given: DnsCredentialsRequest["webhook"]): ProviderPart {
  if (!given) return invalid("webhook", "webhook is required with this provider");
  const { url, username = "", password: secret = "" } = given;
  checkUrl("webhook.url", url);
  checkHeaderText("webhook.username", username, { required: false });
  if (username.includes(":")) invalid("webhook.username", "username has a colon, which separates it here");
  if (username === "" && secret !== "") {
    invalid("webhook.username", "password is sent together with username only");
  }
  if (secret.length > MAX_CHARACTERS) {
    invalid("webhook.password", `password has more than ${MAX_CHARACTERS} characters`);
  }
  const settings: DnsSettings = { provider: "webhook", url, username };
  return { settings, secret, secretPath: "webhook.password", secretRequired: username !== "" };
}

function checkUrl(path: string, text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || text.length > MAX_CHARACTERS) {
    invalid(path, `${path} is no http:// or https:// address`);
  }
  // The address is shown to everybody who may read.
  if (url.username !== "" || url.password !== "") {
    invalid(path, `${path} has a user name in it`, "Send credentials in username and password.");
  }
  if (url.search !== "" || url.hash !== "") invalid(path, `${path} must end with a path`);
}

function checkHeaderText(path: string, text: string, { required }: { required: boolean }): void {
  if (text === "" && !required) return;
  if (text.length > MAX_CHARACTERS || !/^[\x21-\x7e]+$/.test(text)) {
    invalid(path, `${path} must have 1 to ${MAX_CHARACTERS} visible ASCII characters`);
  }
}

function withoutDot(name: string): string {
  return name.replace(/\.$/, "").toLowerCase();
}

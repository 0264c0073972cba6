import { readServerAddress } from "../../domain/server-address.ts";
import type { SecretBox } from "../../secrets/secret-box.ts";
import { DNS_SECRET_PURPOSE, type DnsCredentials } from "../../store/dns-credentials.ts";
import { acmeDns } from "./acme-dns.ts";
import { dynamicUpdate } from "./dynamic-update.ts";
import type { RecordWriter } from "./record-writer.ts";
import { webhook } from "./webhook.ts";

/** The way into the DNS that these credentials open. */
export function writerFor({ settings, sealedSecret }: DnsCredentials, secrets: SecretBox): RecordWriter {
  const secret = secrets.open(sealedSecret, DNS_SECRET_PURPOSE);
  switch (settings.provider) {
    case "rfc2136": {
      const { keyName: name, keyAlgorithm: algorithm, zone } = settings;
      return dynamicUpdate({
        ...readServerAddress(settings.server)!,
        key: { name, algorithm, secret: Buffer.from(secret, "base64") },
        zone: zone === "" ? undefined : zone,
      });
    }
    case "acme-dns":
      return acmeDns({ ...settings, password: secret });
    case "webhook":
      return webhook({ ...settings, password: secret });
  }
}

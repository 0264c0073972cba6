import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { Certificate } from "@netbird-proxy/proto/rest";
import { createAuthority, issueCertificate } from "../../../scripts/stack/local-ca.ts";
import { ABSENT, accepts, checkFieldTable, refuses } from "../support/field-table.ts";
import { CLUSTER } from "../support/rest-server.ts";

const INVALID = [422, "certificate.invalid"] as [number, string];

const certificate = { name: "shop", certificate_chain: "$chain", private_key: "$key" };
const fields = { name: "string", certificate_chain: "string", private_key: "string" } as const;

checkFieldTable({
  object: "certificates",
  section: "ours",
  collection: "/reverse-proxies/certificates",
  post: certificate,
  put: certificate,
  fields: { post: fields, put: fields },
  answer: Certificate,
  async prepare(server) {
    await server.connectProxy();
    const authority = await createAuthority("Test Root");
    const other = await createAuthority("Other Root");
    const own = await issueCertificate(authority, [`shop.${CLUSTER}`, `*.SHOP.${CLUSTER}`]);
    const elsewhere = await issueCertificate(authority, ["shop.example.org"]);
    const partly = await issueCertificate(authority, ["shop.example.org", `shop.${CLUSTER}`]);
    const expired = await issueCertificate(authority, [`shop.${CLUSTER}`], -365);
    const passphrase = { cipher: "aes-256-cbc", passphrase: "secret" };
    const pem = { type: "pkcs8", format: "pem" } as const;
    const short = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
    return {
      chain: own.certificate + authority.certificate,
      key: own.key,
      leaf: own.certificate,
      reversed: authority.certificate + own.certificate,
      strange: own.certificate + other.certificate,
      combined: own.certificate + own.key,
      otherKey: elsewhere.key,
      elsewhere: elsewhere.certificate,
      elsewhereKey: elsewhere.key,
      partly: partly.certificate,
      partlyKey: partly.key,
      expired: expired.certificate,
      expiredKey: expired.key,
      encrypted: createPrivateKey(own.key)
        .export({ ...pem, ...passphrase })
        .toString(),
      short: short.export(pem).toString(),
      edwards: generateKeyPairSync("ed25519").privateKey.export(pem).toString(),
      many: own.certificate + authority.certificate.repeat(10),
    };
  },
  rows: [
    accepts("name", "as sent", { name: "Wéb" }, { name: "Wéb" }),
    refuses("name", "empty", { name: "" }, INVALID),
    refuses("name", "absent", { name: ABSENT }, INVALID),
    refuses("name", "256 characters", { name: "x".repeat(256) }, INVALID),
    accepts("certificate_chain", "as sent", {}, { certificate_chain: "$chain" }),
    accepts(
      "certificate_chain",
      "the certificate alone",
      { certificate_chain: "$leaf" },
      { certificate_chain: "$leaf", issuer: "CN=Test Root" },
    ),
    accepts(
      "domains",
      "of the certificate, lower case",
      {},
      { domains: [`shop.${CLUSTER}`, `*.shop.${CLUSTER}`], private_key: ABSENT },
    ),
    accepts(
      "certificate_chain",
      "one of its names is the account's",
      { certificate_chain: "$partly", private_key: "$partlyKey" },
      { domains: ["shop.example.org", `shop.${CLUSTER}`] },
    ),
    refuses("certificate_chain", "absent", { certificate_chain: ABSENT }, INVALID),
    refuses("certificate_chain", "no PEM", { certificate_chain: "hello" }, INVALID),
    refuses(
      "certificate_chain",
      "no certificate inside the PEM",
      { certificate_chain: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
      INVALID,
    ),
    refuses("certificate_chain", "the key with it", { certificate_chain: "$combined" }, INVALID),
    refuses("certificate_chain", "the issuer first", { certificate_chain: "$reversed" }, INVALID),
    refuses("certificate_chain", "another issuer", { certificate_chain: "$strange" }, INVALID),
    refuses("certificate_chain", "too many", { certificate_chain: "$many" }, INVALID),
    refuses(
      "certificate_chain",
      "expired",
      { certificate_chain: "$expired", private_key: "$expiredKey" },
      INVALID,
    ),
    refuses(
      "certificate_chain",
      "no name of the account",
      { certificate_chain: "$elsewhere", private_key: "$elsewhereKey" },
      INVALID,
    ),
    refuses("private_key", "absent", { private_key: ABSENT }, INVALID, "POST"),
    accepts("private_key", "absent keeps the stored one", { private_key: ABSENT }, { name: "shop" }, "PUT"),
    accepts("private_key", "empty keeps the stored one", { private_key: "" }, { name: "shop" }, "PUT"),
    refuses(
      "private_key",
      "absent, and the stored one does not fit",
      { certificate_chain: "$partly", private_key: ABSENT },
      INVALID,
      "PUT",
    ),
    refuses("private_key", "no PEM", { private_key: "hello" }, INVALID),
    refuses("private_key", "of another certificate", { private_key: "$otherKey" }, INVALID),
    refuses("private_key", "encrypted", { private_key: "$encrypted" }, INVALID),
    refuses("private_key", "RSA with 1024 bits", { private_key: "$short" }, INVALID),
    refuses("private_key", "Ed25519", { private_key: "$edwards" }, INVALID),
  ],
});

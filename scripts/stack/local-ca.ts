// The X.509 library resolves its parts through it.
import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

const DAY_MS = 86_400_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

x509.cryptoProvider.set(webcrypto as never);

/** A certificate with its private key, both PEM. */
export interface PemPair {
  certificate: string;
  key: string;
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)!.join("\n")}\n-----END PRIVATE KEY-----\n`;
}

// Positive and without a leading zero byte, as RFC 5280 §4.1.2.2 wants serial numbers.
const serialNumber = () => `01${randomBytes(15).toString("hex")}`;

/** Makes a certificate authority that lives `days` days. */
export async function createAuthority(commonName: string, days = 3650): Promise<PemPair> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${commonName}`,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + days * DAY_MS),
    signingAlgorithm: algorithm,
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey as never),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await keyPem(keys.privateKey) };
}

/**
 * Issues a server certificate for DNS names (wildcards allowed).
 * @param days lifetime; negative gives one that has expired already
 */
export async function issueCertificate(authority: PemPair, dnsNames: string[], days = 397): Promise<PemPair> {
  const names = new x509.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: "dns", value })));
  return issue(authority, dnsNames[0]!, days, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    names,
  ]);
}

/** Issues a certificate with which a client shows who it is. */
export async function issueClientCertificate(
  authority: PemPair,
  commonName: string,
  days = 397,
): Promise<PemPair> {
  return issue(authority, commonName, days, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
  ]);
}

async function issue(
  authority: PemPair,
  commonName: string,
  days: number,
  further: x509.Extension[],
): Promise<PemPair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await webcrypto.subtle.importKey(
    "pkcs8",
    Buffer.from(authority.key.replace(/-----[^-]+-----|\s/g, ""), "base64"),
    algorithm,
    false,
    ["sign"],
  );
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${commonName}`,
    issuer: issuer.subject,
    notBefore: new Date(Date.now() - DAY_MS + Math.min(0, days * DAY_MS)),
    notAfter: new Date(Date.now() + days * DAY_MS),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey as never,
    signingKey: signingKey as never,
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      ...further,
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: `${certificate.toString("pem")}\n`, key: await keyPem(keys.privateKey) };
}

import { generateKeyPairSync, sign } from "node:crypto";

/**
 * A self-signed certificate for DNS names, valid for a day; clients trust the certificate itself. Written out in DER
 * (RFC 5280 §4.1), because Node signs and parses certificates but makes none.
 */
export function serverPair(...names: string[]): { cert: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = sequence(Buffer.from("06082a8648ce3d040302", "hex"));
  const commonName = sequence(
    der(0x31, sequence(Buffer.from("0603550403", "hex"), der(0x0c, Buffer.from(names[0]!)))),
  );
  const time = (ms: number) =>
    der(
      0x17,
      Buffer.from(
        `${new Date(ms)
          .toISOString()
          .replace(/[-:T]|\.\d+/g, "")
          .slice(2)}`,
      ),
    );
  const alternativeNames = sequence(...names.map((name) => der(0x82, Buffer.from(name))));
  const body = sequence(
    der(0xa0, Buffer.from("020102", "hex")),
    Buffer.from("020101", "hex"),
    ecdsaWithSha256,
    commonName,
    sequence(time(Date.now() - 3_600_000), time(Date.now() + 86_400_000)),
    commonName,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(sequence(Buffer.from("0603551d11", "hex"), der(0x04, alternativeNames)))),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", body, privateKey)]));
  const certificate = sequence(body, ecdsaWithSha256, signature)
    .toString("base64")
    .match(/.{1,64}/g)!;
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function der(tag: number, content: Buffer): Buffer {
  const length = content.length;
  const header =
    length < 128
      ? [tag, length]
      : length < 256
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(header), content]);
}

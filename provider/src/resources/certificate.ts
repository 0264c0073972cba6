import type { Certificate } from "../client/api-types.ts";
import { isUnknown, unknown } from "../convert/value.ts";
import { useStateForUnknown } from "../framework/plan-modifiers.ts";
import { integer, setOfText, text } from "../framework/schema.ts";
import { bytesBetween, type Validator } from "../framework/validators.ts";
import { isGiven } from "./given.ts";
import type { RequestParts, RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

const kept = { computed: true, modifiers: [useStateForUnknown()] };

export const certificateAttributes = {
  id: text({ description: "Id of the certificate.", ...kept }),
  name: text({
    description: "Name of the certificate, for people.",
    required: true,
    validators: [bytesBetween(1, 255)],
  }),
  certificate_chain: text({
    description: "PEM: the certificate, then the intermediates, each signed by the one after it.",
    required: true,
    sameMeaning: (a, b) => a.trim() === b.trim(),
    validators: [certificateText],
  }),
  private_key_wo: text({
    description:
      "Its key, PEM, write-only: it never reaches plan or state. Sent when the certificate is new, and when `certificate_chain` or `private_key_wo_version` changes. Needs Terraform 1.11.",
    optional: true,
    sensitive: true,
    writeOnly: true,
    validators: [keyText],
  }),
  private_key_wo_version: integer({
    description:
      "Change it to send a new `private_key_wo` for the same certificate: Terraform cannot see that a write-only value changed.",
    optional: true,
    clientOnly: true,
  }),
  private_key: text({
    description: "Its key, PEM, for Terraform before 1.11. It is stored in the state.",
    optional: true,
    sensitive: true,
    clientOnly: true,
    validators: [keyText],
  }),
  domains: setOfText({ description: "Names that the certificate is for.", ...kept }),
  not_before: text({ description: "When it begins, RFC 3339.", ...kept }),
  not_after: text({ description: "When it ends, RFC 3339.", ...kept }),
  serial: text({ description: "Serial number, hex.", ...kept }),
  fingerprint: text({ description: "SHA-256 of the certificate, hex.", ...kept }),
  issuer: text({ description: "Who issued it.", ...kept }),
  created_at: text({ description: "When it was uploaded, RFC 3339.", ...kept }),
  updated_at: text({ description: "When it was changed last, RFC 3339.", computed: true }),
};

/** What follows from the certificate itself. */
const facts = ["domains", "not_before", "not_after", "serial", "fingerprint", "issuer"] as const;

function certificateText(...[value, at, diagnostics]: Parameters<Validator>): void {
  if (typeof value === "string" && !value.includes("-----BEGIN CERTIFICATE-----"))
    diagnostics.error(at, "Not a certificate", "PEM text with -----BEGIN CERTIFICATE----- is needed.");
}

/** Without the value in the message: it is a secret, or was meant to be one. */
function keyText(...[value, at, diagnostics]: Parameters<Validator>): void {
  if (typeof value === "string" && !/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(value))
    diagnostics.error(at, "Not a private key", "PEM text with -----BEGIN PRIVATE KEY----- is needed.");
}

function body({ plan, config, state }: RequestParts<typeof certificateAttributes>) {
  const renewed =
    state === null ||
    plan.certificate_chain !== state.certificate_chain ||
    plan.private_key_wo_version !== state.private_key_wo_version ||
    plan.private_key !== state.private_key;
  const key = config.private_key_wo ?? config.private_key;
  return {
    name: plan.name,
    certificate_chain: plan.certificate_chain,
    // Left out, the server keeps the key that it has.
    ...(renewed && key !== null ? { private_key: key } : {}),
  };
}

export const certificateKind: RestKind<typeof certificateAttributes, Certificate> = {
  typeName: "netbird_certificate",
  what: "certificate",
  description: "A certificate of your own, with which proxies serve the names that it is for.",
  attributes: certificateAttributes,
  collection: () => "/reverse-proxies/certificates",
  names: { name: ({ name }) => name },
  createBody: body,
  updateBody: body,
  // What the certificate is for may be under a custom domain that this apply adds first.
  maySettle: ({ path }, _parts, { domains }) => path === "certificate_chain" && domains.plansCustomDomains,
  told: (found) => ({
    id: found.id,
    name: found.name,
    certificate_chain: found.certificate_chain,
    domains: found.domains,
    not_before: found.not_before,
    not_after: found.not_after,
    serial: found.serial,
    fingerprint: found.fingerprint,
    issuer: found.issuer,
    created_at: found.created_at,
    updated_at: found.updated_at,
  }),
};

export const certificate = restResource(certificateKind, {
  validate(config, diagnostics) {
    if (isGiven(config.private_key_wo) && isGiven(config.private_key))
      diagnostics.error(
        ["private_key"],
        "Two answers to one question",
        "Give either `private_key_wo` or `private_key`.",
      );
  },

  plan({ plan, config, state, changed, diagnostics }) {
    if (!changed) return;
    if (state === null) {
      // An imported certificate has its key on the server; a new one needs it.
      if (config.private_key_wo === null && config.private_key === null)
        diagnostics.error(["private_key_wo"], "No key", "A new certificate needs its key: `private_key_wo`.");
      return;
    }
    if (isUnknown(plan.certificate_chain) || plan.certificate_chain !== state.certificate_chain)
      for (const fact of facts) (plan as Record<string, unknown>)[fact] = unknown;
  },

  attributeOf(field, plan) {
    // The key is where the user wrote it.
    if (field === "private_key") return [plan.private_key === null ? "private_key_wo" : "private_key"];
    return Object.hasOwn(certificateAttributes, field) ? [field] : undefined;
  },
});

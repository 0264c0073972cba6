import Type, { type Static } from "typebox";
import { Timestamp } from "./shared.ts";

export const DomainRequest = Type.Object(
  {
    domain: Type.String({ default: "", examples: ["apps.example.com"] }),
    target_cluster: Type.String({ default: "", description: "Address of a connected cluster." }),
  },
  { title: "ReverseProxyDomainRequest" },
);
export type DomainRequest = Static<typeof DomainRequest>;

export const Domain = Type.Object(
  {
    id: Type.String({ description: "Empty for a free domain." }),
    domain: Type.String(),
    type: Type.Enum(["free", "custom"]),
    validated: Type.Boolean(),
    target_cluster: Type.Optional(Type.String()),
    supports_custom_ports: Type.Optional(Type.Boolean()),
    supports_crowdsec: Type.Optional(Type.Boolean()),
    supports_private: Type.Optional(Type.Boolean()),
    require_subdomain: Type.Optional(Type.Boolean()),
    // Ours, for custom domains.
    validation: Type.Optional(
      Type.Object({
        record: Type.String({ description: "The name that needs a CNAME to target_cluster." }),
        records: Type.Array(
          Type.Object({
            type: Type.Enum(["CNAME", "TXT", "A", "AAAA"]),
            name: Type.String(),
            value: Type.String(),
            purpose: Type.Enum(["ownership", "routing"]),
          }),
          {
            description:
              "Records for the domain's DNS: one of purpose `ownership` proves it, those of purpose `routing` lead visitors to the cluster. A and AAAA stand in for the CNAME of a name at the top of a zone.",
          },
        ),
        method: Type.Optional(
          Type.Enum(["cname", "txt", "address"], { description: "What proved the domain." }),
        ),
        last_checked_at: Type.Optional(Timestamp),
        error: Type.Optional(Type.String({ description: "Why the latest check failed." })),
      }),
    ),
  },
  { title: "ReverseProxyDomain" },
);
export type Domain = Static<typeof Domain>;

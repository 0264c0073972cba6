import { ChallengeProblem } from "./challenge-problem.ts";
import { postJson } from "./post-json.ts";
import type { RecordWriter } from "./record-writer.ts";

export interface AcmeDnsSettings {
  readonly serverUrl: string;
  readonly username: string;
  readonly password: string;
  readonly subdomain: string;
}

/**
 * Writes through an acme-dns server, which serves nothing but challenges; `_acme-challenge` of the domain is a CNAME to the
 * name that it gave out. It keeps the two newest values by itself, so nothing is ever removed.
 */
export function acmeDns({ serverUrl, username, password, subdomain }: AcmeDnsSettings): RecordWriter {
  return {
    async add({ name, value }) {
      // Otherwise the update goes well and the authority finds nothing.
      if (name.split(".")[0] !== subdomain.toLowerCase()) {
        throw new ChallengeProblem(
          "certificate.dns_not_visible",
          `${name} is not the name of the acme-dns account: make it a CNAME to ${subdomain}.<domain of the acme-dns server>`,
        );
      }
      const headers = { "X-Api-User": username, "X-Api-Key": password };
      await postJson(`${serverUrl.replace(/\/+$/, "")}/update`, headers, { subdomain, txt: value });
    },
    async remove() {},
  };
}

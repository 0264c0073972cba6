import type { Knex } from "knex";
import * as initial from "./0001-initial.ts";
import * as policiesAndOnboarding from "./0002-policies-and-onboarding.ts";
import * as revisionCounter from "./0003-revision-counter.ts";
import * as failureBudgets from "./0004-failure-budgets.ts";
import * as targetOwnersAndIdempotency from "./0005-target-owners-and-idempotency.ts";
import * as accessLogTimes from "./0006-access-log-times.ts";
import * as serverKeyrings from "./0007-server-keyrings.ts";
import * as sharedCertificates from "./0008-shared-certificates.ts";
import * as accessLogFilters from "./0009-access-log-filters.ts";
import * as uploadedCertificates from "./0010-uploaded-certificates.ts";
import * as dnsCredentials from "./0011-dns-credentials.ts";
import * as signIn from "./0012-sign-in.ts";
import * as domainProofs from "./0013-domain-proofs.ts";
import * as certificateAlerts from "./0014-certificate-alerts.ts";
import * as dnsRecordAttempts from "./0015-dns-record-attempts.ts";
import * as preflight from "./0016-preflight.ts";
import * as signInCodes from "./0017-sign-in-codes.ts";
import * as sessionEpoch from "./0018-session-epoch.ts";
import * as endedSessions from "./0019-ended-sessions.ts";
import * as accessRules from "./0022-access-rules.ts";
import * as serviceGrants from "./0025-service-grants.ts";
import * as sessionKeys from "./0026-session-keys.ts";

interface Migration {
  readonly name: string;
  up(db: Knex): Promise<void>;
  down(db: Knex): Promise<void>;
}

/** Never edit a released one, only append. */
const migrations: readonly Migration[] = [
  { name: "0001-initial", ...initial },
  { name: "0002-policies-and-onboarding", ...policiesAndOnboarding },
  { name: "0003-revision-counter", ...revisionCounter },
  { name: "0004-failure-budgets", ...failureBudgets },
  { name: "0005-target-owners-and-idempotency", ...targetOwnersAndIdempotency },
  { name: "0006-access-log-times", ...accessLogTimes },
  { name: "0007-server-keyrings", ...serverKeyrings },
  { name: "0008-shared-certificates", ...sharedCertificates },
  { name: "0009-access-log-filters", ...accessLogFilters },
  { name: "0010-uploaded-certificates", ...uploadedCertificates },
  { name: "0011-dns-credentials", ...dnsCredentials },
  { name: "0012-sign-in", ...signIn },
  { name: "0013-domain-proofs", ...domainProofs },
  { name: "0014-certificate-alerts", ...certificateAlerts },
  { name: "0015-dns-record-attempts", ...dnsRecordAttempts },
  { name: "0016-preflight", ...preflight },
  { name: "0017-sign-in-codes", ...signInCodes },
  { name: "0018-session-epoch", ...sessionEpoch },
  { name: "0019-ended-sessions", ...endedSessions },
  { name: "0022-access-rules", ...accessRules },
  { name: "0025-service-grants", ...serviceGrants },
  { name: "0026-session-keys", ...sessionKeys },
];

/** Migrations are modules of the program: nothing is read from a folder, so a bundled server brings its own. */
export const migrationSource: Knex.MigrationSource<Migration> = {
  getMigrations: async () => [...migrations],
  getMigrationName: ({ name }) => name,
  getMigration: async (migration) => migration,
};

import { createHash } from "node:crypto";
import type { Adapter, AdapterFactory, AdapterPayload } from "oidc-provider";
import {
  consumeIdentityRecord,
  deleteGrantRecords,
  deleteIdentityRecord,
  findIdentityRecord,
  IDENTITY_RECORD_PURPOSE,
  type IdentityRecord,
  saveIdentityRecord,
} from "../../store/identity-records.ts";
import type { Store } from "../../store/open.ts";

/** Keeps what the identity provider remembers in the database: any server may get the visitor's next request. */
export function recordAdapter({ db, secrets }: Store, nowMs: () => number): AdapterFactory {
  return (model): Adapter => {
    const read = (record: IdentityRecord | undefined): AdapterPayload | undefined => {
      if (!record) return undefined;
      const payload = JSON.parse(
        secrets.open(record.sealedPayload, IDENTITY_RECORD_PURPOSE),
      ) as AdapterPayload;
      return record.consumedAt === null
        ? payload
        : { ...payload, consumed: Math.floor(record.consumedAt / 1000) };
    };
    return {
      async upsert(id, payload, expiresInSeconds) {
        await saveIdentityRecord(db, {
          model,
          idHash: hash(id),
          sealedPayload: secrets.seal(JSON.stringify(payload), IDENTITY_RECORD_PURPOSE),
          grantId: payload.grantId ?? null,
          uid: payload.uid ?? null,
          userId: payload.accountId ?? null,
          consumedAt: null,
          // All of them expire; a day is what a session gets.
          expiresAt: nowMs() + (expiresInSeconds ?? 86_400) * 1000,
        });
      },
      find: async (id) => read(await findIdentityRecord(db, { model, idHash: hash(id) }, nowMs())),
      findByUid: async (uid) => read(await findIdentityRecord(db, { model, uid }, nowMs())),
      // Only the device flow has user codes, and that is off.
      findByUserCode: async () => undefined,
      async consume(id) {
        await consumeIdentityRecord(db, { model, idHash: hash(id) }, nowMs());
      },
      destroy: (id) => deleteIdentityRecord(db, model, hash(id)),
      revokeByGrantId: (grantId) => deleteGrantRecords(db, grantId),
    };
  };
}

function hash(id: string): string {
  return createHash("sha256").update(id).digest("hex");
}

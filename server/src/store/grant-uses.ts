import type { ServiceId } from "@netbird-proxy/proto";
import type { Db } from "./transaction.ts";

export interface GrantUse {
  uses: number;
  lastUsedAt: number;
}

/** How often share links, and when last also tokens of a service were used, by their id. */
export async function listGrantUses(db: Db, service: ServiceId): Promise<Map<string, GrantUse>> {
  const rows = await db("grant_uses").where({ service_id: service });
  return new Map(
    rows.map((row) => [row.grant_id, { uses: Number(row.uses), lastUsedAt: Number(row.last_used_at) }]),
  );
}

/**
 * Counts one use, unless `maxUses` were counted already; of several at the same moment only as many as are left.
 *
 * @param maxUses 0: any number
 * @returns whether it was counted
 */
export async function countGrantUse(
  db: Db,
  use: { service: ServiceId; grant: string; maxUses: number; nowMs: number },
): Promise<boolean> {
  const { service, grant, maxUses, nowMs } = use;
  await db("grant_uses")
    .insert({ grant_id: grant, service_id: service, uses: 0, last_used_at: nowMs })
    .onConflict("grant_id")
    .ignore();
  const query = db("grant_uses").where({ grant_id: grant });
  if (maxUses > 0) query.andWhere("uses", "<", maxUses);
  return (await query.update({ uses: db.raw("uses + 1"), last_used_at: nowMs })) > 0;
}

/** Notes when a service token was used last. */
export async function noteGrantUse(
  db: Db,
  { service, grant, atMs }: { service: ServiceId; grant: string; atMs: number },
): Promise<void> {
  await db("grant_uses")
    .insert({ grant_id: grant, service_id: service, uses: 0, last_used_at: atMs })
    .onConflict("grant_id")
    .merge({ last_used_at: atMs });
}

export async function deleteGrantUse(db: Db, grant: string): Promise<void> {
  await db("grant_uses").where({ grant_id: grant }).delete();
}

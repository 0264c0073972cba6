import type { AccountId, PolicyId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export type PolicyAction = "accept" | "drop";
export type PolicyProtocol = "all" | "tcp" | "udp" | "icmp" | "netbird-ssh";

export interface PolicyResource {
  id: string;
  type: string;
}

/** One side of a rule: groups or one resource, never both. */
export type PolicySide = { groups: string[]; resource: null } | { groups: null; resource: PolicyResource };

export interface PolicyRule {
  id: string;
  name: string;
  description: string;
  enabled: boolean;
  bidirectional: boolean;
  action: PolicyAction;
  protocol: PolicyProtocol;
  source: PolicySide;
  destination: PolicySide;
  /** Decimal, as they were sent. Never together with port ranges. */
  ports: string[];
  /** Both ends belong to the range. */
  portRanges: { start: number; end: number }[];
  /** Group id to local users. */
  authorizedGroups: Record<string, string[]>;
}

export interface Policy {
  id: PolicyId;
  accountId: AccountId;
  name: string;
  description: string;
  enabled: boolean;
  /** At least one. */
  rules: PolicyRule[];
  createdAt: number;
}

const codec = rowCodec<Policy>({
  id: "text",
  accountId: "text",
  name: "text",
  description: "text",
  enabled: "boolean",
  rules: "json",
  createdAt: "integer",
});

export async function insertPolicy(db: Db, policy: Policy): Promise<void> {
  await db("policies").insert(codec.toRow(policy));
}

export async function listPolicies(db: Db, account: AccountId): Promise<Policy[]> {
  const rows = await db("policies").where({ account_id: account }).orderBy("created_at").orderBy("id");
  return rows.map(codec.fromRow);
}

export async function getPolicy(db: Db, account: AccountId, id: string): Promise<Policy | undefined> {
  const row = await db("policies").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

export async function replacePolicy(db: Db, policy: Policy): Promise<void> {
  const { id, accountId } = policy;
  await db("policies").where({ account_id: accountId, id }).update(codec.toRow(policy));
}

export async function deletePolicy(db: Db, account: AccountId, id: string): Promise<void> {
  await db("policies").where({ account_id: account, id }).delete();
}

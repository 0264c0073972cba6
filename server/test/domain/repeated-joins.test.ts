import assert from "node:assert/strict";
import type { AccountId } from "@netbird-proxy/proto";
import { withoutRepeatedJoins } from "../../src/domain/repeated-joins.ts";

suite("repeated joins in the audit log", () => {
  test("are left out for the same pair only, the newest stays, and other events are not looked at", () => {
    const event = (id: number, activityCode: string, initiatorId: string, targetId: string) => ({
      id,
      accountId: "a" as AccountId,
      timestamp: id,
      activityCode,
      initiatorId,
      initiatorName: "",
      initiatorEmail: "",
      targetId,
      meta: {},
    });
    const newestFirst = [
      event(7, "user.join", "carol", "carol"),
      event(6, "group.add", "carol", "g"),
      event(5, "group.add", "carol", "g"),
      event(4, "user.join", "owner", "carol"),
      event(3, "user.join", "carol", "carol"),
      event(2, "user.join", "owner", "dave"),
      event(1, "user.join", "carol", "carol"),
    ];
    assert.deepEqual(
      withoutRepeatedJoins(newestFirst).map(({ id }) => id),
      [7, 6, 5, 4, 2],
    );
  });
});

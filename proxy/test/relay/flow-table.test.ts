import assert from "node:assert/strict";
import { FlowTable, type TabledFlow } from "../../src/relay/flow-table.ts";

suite("weakness 14: the flows of a UDP port", () => {
  const flow = (key: string, more: Partial<TabledFlow> = {}) => ({
    key,
    lastMs: 0,
    isProven: false,
    ...more,
  });
  function full(...flows: TabledFlow[]): FlowTable<TabledFlow> {
    const table = new FlowTable<TabledFlow>(flows.length);
    for (const one of flows) {
      table.add(one);
      table.used(one);
    }
    return table;
  }

  test("nobody has to go while there is room", () => {
    const table = new FlowTable<TabledFlow>(2);
    table.add(flow("a"));
    assert.equal(table.outgoing(0), undefined);
  });

  test("the oldest that has proven nothing goes first, however busy it is", () => {
    const table = full(flow("proven", { isProven: true }), flow("old", { lastMs: 9000 }), flow("new"));
    table.used(table.get("old")!);
    assert.equal((table.outgoing(9000) as TabledFlow).key, "old");
  });

  test("of proven ones the one that was silent for longest goes", () => {
    const [a, b] = [flow("a", { isProven: true }), flow("b", { isProven: true })];
    const table = full(a, b);
    a.lastMs = 500;
    table.used(a);
    assert.equal((table.outgoing(2000) as TabledFlow).key, "b");
  });

  test("none goes that is in use", () => {
    const table = full(flow("a", { isProven: true, lastMs: 1500 }));
    assert.equal(table.outgoing(2000), "full");
    assert.equal((table.outgoing(2500) as TabledFlow).key, "a");
  });

  test("a flow is one, whether it has proven something or not, and goes once", () => {
    const one = flow("a");
    const table = full(one, flow("b"));
    one.isProven = true;
    table.used(one);
    assert.deepEqual([table.size, table.get("a")], [2, one]);
    assert.deepEqual([table.delete(one), table.delete(one), table.size], [true, false, 1]);
    assert.equal(table.delete(flow("b")), false);
  });
});

import assert from "node:assert/strict";
import { TerraformWorkspace } from "../support/terraform.ts";

suite("functions", () => {
  let workspace: TerraformWorkspace;
  setup(async () => {
    workspace = await TerraformWorkspace.create();
  });
  teardown(() => workspace.close());

  const output = (expression: string) => `output "x" {\n  value = ${expression}\n}`;

  test("answer", async () => {
    const cases: [string, unknown][] = [
      [`provider::netbird::parse_id("abc")`, { parent: null, id: "abc" }],
      [`provider::netbird::parse_id("net/abc")`, { parent: "net", id: "abc" }],
      [`provider::netbird::service_url("http", "shop.example.com", null)`, "https://shop.example.com"],
      [`provider::netbird::service_url("http", "shop.example.com", 443)`, "https://shop.example.com"],
      [`provider::netbird::service_url("http", "shop.example.com", 8443)`, "https://shop.example.com:8443"],
      [`provider::netbird::service_url("udp", "dns.example.com", 53)`, "udp://dns.example.com:53"],
      [`provider::netbird::duration_seconds("1m30s")`, 90],
      [`provider::netbird::duration_seconds("500ms")`, 0.5],
    ];
    const fields = cases.map(([expression], index) => `x${index} = ${expression}`);
    await workspace.apply(output(`{\n${fields.join("\n")}\n}`));
    const { output: shown } = await workspace.run("output", "-json");
    const { value } = JSON.parse(shown).x;
    for (const [index, [expression, expected]] of cases.entries())
      assert.deepEqual(value[`x${index}`], expected, expression);
  });

  test("point at the argument that they have no answer for", async () => {
    const cases: [string, RegExp][] = [
      [`provider::netbird::parse_id("a/b/c")`, /"id" parameter[\s\S]*neither <id> nor <parent>\/<id>/],
      [`provider::netbird::parse_id("/c")`, /"id" parameter/],
      [
        `provider::netbird::service_url("ftp", "a.example.com", 1)`,
        /"mode" parameter[\s\S]*"ftp" is not one of/,
      ],
      [`provider::netbird::service_url("tcp", "A.example.com", 1)`, /"domain" parameter/],
      [
        `provider::netbird::service_url("tcp", "a.example.com", null)`,
        /"port" parameter[\s\S]*has a port of its\s+own/,
      ],
      [`provider::netbird::service_url("tcp", "a.example.com", 70000)`, /"port" parameter/],
      [`provider::netbird::duration_seconds("soon")`, /"duration" parameter[\s\S]*is not a duration/],
    ];
    for (const [expression, message] of cases) {
      const { failed, output: printed } = await workspace.plan(output(expression));
      assert.ok(failed, `${expression}\n${printed}`);
      assert.match(printed, message);
    }
  });
});

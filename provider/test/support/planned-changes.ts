import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { Attributes } from "../../src/framework/schema.ts";
import type { TerraformWorkspace } from "./terraform.ts";

/** A value as terraform prints it in JSON. */
// biome-ignore lint/suspicious/noExplicitAny: any attribute of any resource
type Shown = any;

/** What a plan would do to one resource. */
export interface PlannedChange {
  readonly address: string;
  readonly type: string;
  /** `no-op` alone is one that is only imported. */
  readonly actions: readonly string[];
  /** Attributes that force a new object, as `path.to.attribute`. */
  readonly replacePaths: readonly string[];
  readonly before: Shown;
  readonly after: Shown;
  readonly afterUnknown: Shown;
}

/** Plans into `tfplan`, and tells what terraform itself shows of it, without resources that stay as they are. */
export async function plannedChanges(workspace: TerraformWorkspace): Promise<PlannedChange[]> {
  const planned = await workspace.run(
    "plan",
    "-detailed-exitcode",
    "-out=tfplan",
    "-input=false",
    "-no-color",
  );
  assert.notEqual(planned.code, 1, planned.output);
  const { output } = await workspace.run("show", "-json", "-no-color", "tfplan");
  const changes = (JSON.parse(output).resource_changes ?? []) as Shown[];
  const shown = changes.filter(
    ({ change }) => change.importing || (change.actions[0] !== "no-op" && change.actions[0] !== "read"),
  );
  assert.equal(planned.code, shown.length > 0 ? 2 : 0, "the exit code says what the plan shows");
  return shown.map(({ address, type, change }) => ({
    address,
    type,
    actions: change.actions,
    replacePaths: (change.replace_paths ?? [])
      .map((path: unknown[]) => path.filter((step) => typeof step === "string").join("."))
      .sort(),
    before: change.before,
    after: change.after,
    afterUnknown: change.after_unknown,
  }));
}

/**
 * The attributes a configuration may set that a plan changes, each with how: a scalar is `changed`; a collection or
 * nested object comes back from nothing (`emptied`, as that is what happened to it), goes (`added`), or `changed`.
 * What is inside something that comes or goes is not told apart.
 */
export function changedPaths(
  attributes: Attributes,
  { before, after, afterUnknown }: PlannedChange,
): string[] {
  return [...new Set(compare(attributes, before, after, afterUnknown ?? {}, ""))].sort();
}

function compare(
  attributes: Attributes,
  before: Shown,
  after: Shown,
  unknown: Shown,
  under: string,
): string[] {
  return Object.entries(attributes).flatMap(([name, attribute]) => {
    if (!attribute.required && !attribute.optional) return [];
    const path = `${under}${name}`;
    const [was, becomes, open] = [before?.[name] ?? null, after?.[name] ?? null, unknown?.[name] ?? false];
    if (open === true) return [`${path} unknown`];
    if (!Array.isArray(attribute.type)) return isDeepStrictEqual(was, becomes) ? [] : [`${path} changed`];
    if (isEmpty(was, attribute.presence) !== isEmpty(becomes, attribute.presence))
      return [`${path} ${isEmpty(was, attribute.presence) ? "emptied" : "added"}`];
    if (was === null || becomes === null) return [];
    if (!attribute.nested) return isDeepStrictEqual(was, becomes) ? [] : [`${path} changed`];
    const inner = attribute.nested.attributes;
    if (attribute.nested.nesting === "single") return compare(inner, was, becomes, open, `${path}.`);
    const keys = Object.keys(becomes).filter((key) => Object.hasOwn(was, key));
    const others = keys.length < Math.max(Object.keys(was).length, Object.keys(becomes).length);
    return [
      ...(others ? [`${path} changed`] : []),
      ...keys.flatMap((key) => compare(inner, was[key], becomes[key], open[key], `${path}.`)),
    ];
  });
}

function isEmpty(value: Shown, presence = false): boolean {
  return value === null || (!presence && Object.keys(value).length === 0);
}

import { isUnknown, type ObjectValue, type Value } from "../convert/value.ts";
import type { Diagnostics } from "./diagnostics.ts";
import type { Path } from "./path.ts";
import type { Attribute, Attributes } from "./schema.ts";

/**
 * Runs the validators of every configured attribute. Unknown values are passed over: they come again once known.
 *
 * @param writeOnlyAllowed false when this Terraform would store write-only values (before 1.11)
 */
export function validateAttributes(
  attributes: Attributes,
  config: ObjectValue,
  diagnostics: Diagnostics,
  writeOnlyAllowed: boolean,
  at: Path = [],
): void {
  for (const [name, attribute] of Object.entries(attributes)) {
    const value = config[name] ?? null;
    if (value === null || isUnknown(value)) continue;
    const path = [...at, name];
    if (attribute.writeOnly && !writeOnlyAllowed) {
      diagnostics.error(
        path,
        "Write-only values need Terraform 1.11",
        "This version of Terraform would store the value in its state. Use the attribute without `_wo`, or a newer Terraform.",
      );
    }
    for (const validate of attribute.validators ?? []) validate(value, path, diagnostics);
    validateNested(attribute, value, path, diagnostics, writeOnlyAllowed);
  }
}

function validateNested(
  attribute: Attribute,
  value: Value,
  at: Path,
  diagnostics: Diagnostics,
  writeOnlyAllowed: boolean,
): void {
  if (!attribute.nested) return;
  const { nesting, attributes } = attribute.nested;
  const check = (element: Value, path: Path) => {
    if (element !== null && !isUnknown(element))
      validateAttributes(attributes, element as ObjectValue, diagnostics, writeOnlyAllowed, path);
  };
  switch (nesting) {
    case "single":
      check(value, at);
      return;
    case "map":
      for (const [key, element] of value as ReadonlyMap<string, Value>) check(element, [...at, { key }]);
      return;
    case "list":
      for (const [index, element] of (value as readonly Value[]).entries()) check(element, [...at, index]);
      return;
    case "set":
      for (const element of value as readonly Value[]) check(element, at);
  }
}

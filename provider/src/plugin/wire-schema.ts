import type {
  Schema_Attribute,
  Schema_NestedBlock,
  Schema_Object,
  Schema as WireSchema,
} from "@netbird-proxy/proto/tfplugin6";
import type { Attribute, Attributes, Schema } from "../framework/schema.ts";

const NESTING = { single: 1, list: 2, set: 3, map: 4 } as const;
const MARKDOWN = 1;

export function wireSchema(schema: Schema): WireSchema {
  return {
    version: BigInt(schema.version),
    block: {
      version: BigInt(schema.version),
      attributes: wireAttributes(schema.attributes),
      blockTypes: wireBlocks(schema.attributes),
      description: schema.description,
      descriptionKind: MARKDOWN,
      deprecated: false,
      deprecationMessage: "",
      computed: false,
    },
  };
}

const LIST_OF_BLOCKS = 2;

function wireBlocks(attributes: Attributes): Schema_NestedBlock[] {
  return Object.entries(attributes)
    .filter(([, { block }]) => block === true)
    .map(([typeName, attribute]) => ({
      typeName,
      block: {
        version: 0n,
        attributes: wireAttributes(attribute.nested!.attributes),
        blockTypes: [],
        description: attribute.description,
        descriptionKind: MARKDOWN,
        deprecated: attribute.deprecated !== undefined,
        deprecationMessage: attribute.deprecated ?? "",
        computed: false,
      },
      nesting: LIST_OF_BLOCKS,
      minItems: 0n,
      maxItems: 0n,
    }));
}

function wireAttributes(attributes: Attributes): Schema_Attribute[] {
  return Object.entries(attributes)
    .filter(([, { block }]) => block !== true)
    .map(([name, attribute]) => ({
      name,
      type: attribute.nested ? Buffer.alloc(0) : Buffer.from(JSON.stringify(attribute.type), "utf8"),
      description: attribute.description,
      required: attribute.required ?? false,
      optional: attribute.optional ?? false,
      computed: attribute.computed ?? false,
      sensitive: attribute.sensitive ?? false,
      descriptionKind: MARKDOWN,
      deprecated: attribute.deprecated !== undefined,
      nestedType: wireNested(attribute),
      writeOnly: attribute.writeOnly ?? false,
      deprecationMessage: attribute.deprecated ?? "",
    }));
}

function wireNested(attribute: Attribute): Schema_Object | undefined {
  if (!attribute.nested) return undefined;
  return {
    attributes: wireAttributes(attribute.nested.attributes),
    nesting: NESTING[attribute.nested.nesting],
  };
}

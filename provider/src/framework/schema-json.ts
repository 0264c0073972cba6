import type { CtyType } from "../convert/cty-type.ts";
import type { ProviderFunction } from "./provider-function.ts";
import type { Provider } from "./resource.ts";
import type { Attribute, Attributes, Schema } from "./schema.ts";

/** What `terraform providers schema -json` prints, as far as a provider has a say in it. */
export interface SchemasJson {
  readonly format_version: "1.0";
  readonly provider_schemas: { readonly [address: string]: ProviderSchemasJson };
}

export interface ProviderSchemasJson {
  readonly provider: SchemaJson;
  readonly resource_schemas: { readonly [typeName: string]: SchemaJson };
  readonly data_source_schemas: { readonly [typeName: string]: SchemaJson };
  readonly ephemeral_resource_schemas: { readonly [typeName: string]: SchemaJson };
  readonly functions: { readonly [name: string]: FunctionJson };
}

export interface SchemaJson {
  readonly version: number;
  readonly block: BlockJson;
}

interface BlockJson {
  readonly attributes?: { readonly [name: string]: AttributeJson };
  readonly block_types?: {
    readonly [name: string]: { readonly nesting_mode: "list"; readonly block: BlockJson };
  };
  readonly description: string;
  readonly description_kind: "markdown";
  readonly deprecated?: true;
}

interface AttributeJson {
  readonly type?: CtyType;
  readonly nested_type?: { readonly attributes: BlockJson["attributes"]; readonly nesting_mode: string };
  readonly description: string;
  readonly description_kind: "markdown";
  readonly deprecated?: true;
  readonly required?: true;
  readonly optional?: true;
  readonly computed?: true;
  readonly sensitive?: true;
  readonly write_only?: true;
}

interface FunctionJson {
  readonly description: string;
  readonly summary: string;
  readonly return_type: CtyType;
  readonly parameters?: readonly {
    readonly name: string;
    readonly description: string;
    readonly type: CtyType;
    readonly is_nullable?: true;
  }[];
}

/**
 * The schemas of a provider in the form that generators of bindings and documentation read, made without Terraform.
 * Source of the form: `terraform providers schema -json`, format 1.0, names in the order of the alphabet.
 *
 * @param address as in `required_providers`, with the registry's host
 */
export function schemasJson<A extends Attributes, C>(provider: Provider<A, C>, address: string): SchemasJson {
  const schemas = {
    provider: schemaJson(provider.schema),
    resource_schemas: byType(provider.resources),
    data_source_schemas: byType(provider.dataSources),
    ephemeral_resource_schemas: byType(provider.ephemeralResources ?? []),
    functions: Object.fromEntries(
      (provider.functions ?? [])
        .map((one): [string, FunctionJson] => [one.name, functionJson(one)])
        .sort(byName),
    ),
  };
  return { format_version: "1.0", provider_schemas: { [address]: schemas } };
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function byType(kinds: readonly { typeName: string; schema: Schema }[]): Record<string, SchemaJson> {
  return Object.fromEntries(
    kinds.map(({ typeName, schema }): [string, SchemaJson] => [typeName, schemaJson(schema)]).sort(byName),
  );
}

function schemaJson({ version, description, attributes }: Schema): SchemaJson {
  return { version, block: blockJson(attributes, description) };
}

function blockJson(attributes: Attributes, description: string): BlockJson {
  const all = Object.entries(attributes).sort(byName);
  const blocks = all.filter(([, { block }]) => block === true);
  return {
    attributes: attributesJson(all.filter(([, { block }]) => block !== true)),
    ...(blocks.length > 0 && {
      block_types: Object.fromEntries(
        blocks.map(([name, attribute]) => [
          name,
          {
            nesting_mode: "list" as const,
            block: {
              ...blockJson(attribute.nested!.attributes, attribute.description),
              ...(attribute.deprecated !== undefined && { deprecated: true as const }),
            },
          },
        ]),
      ),
    }),
    description,
    description_kind: "markdown",
  };
}

function attributesJson(attributes: readonly [string, Attribute][]): Record<string, AttributeJson> {
  return Object.fromEntries(attributes.map(([name, attribute]) => [name, attributeJson(attribute)]));
}

function attributeJson(attribute: Attribute): AttributeJson {
  const { nested, type, description } = attribute;
  return {
    ...(nested
      ? {
          nested_type: {
            attributes: attributesJson(Object.entries(nested.attributes).sort(byName)),
            nesting_mode: nested.nesting,
          },
        }
      : { type }),
    description,
    description_kind: "markdown",
    ...(attribute.deprecated !== undefined && { deprecated: true as const }),
    ...(attribute.required && { required: true as const }),
    ...(attribute.optional && { optional: true as const }),
    ...(attribute.computed && { computed: true as const }),
    ...(attribute.sensitive && { sensitive: true as const }),
    ...(attribute.writeOnly && { write_only: true as const }),
  };
}

function functionJson({ description, summary, returns, parameters }: ProviderFunction): FunctionJson {
  return {
    description,
    summary,
    return_type: returns,
    ...(parameters.length > 0 && {
      parameters: parameters.map((parameter) => ({
        name: parameter.name,
        description: parameter.description,
        ...(parameter.nullable && { is_nullable: true as const }),
        type: parameter.type,
      })),
    }),
  };
}

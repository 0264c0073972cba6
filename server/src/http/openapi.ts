import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";

export function openApiInfo(version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "NetBird Reverse Proxy management API",
        description:
          "Wire-compatible with NetBird's management API; what is ours is additive. Requests ignore unknown keys.",
        version,
      },
      components: {
        securitySchemes: {
          token: {
            type: "apiKey",
            in: "header",
            name: "Authorization",
            description: "Token nbp_..., a personal access token",
          },
        },
      },
      security: [{ token: [] }],
    },
  };
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/**
 * Moves every schema with a title into `components.schemas`, so that a reader (and a generator) finds it once, by name.
 */
export function nameSchemas(document: unknown): unknown {
  const schemas: Record<string, Json> = {};
  const visit = (node: Json): Json => {
    if (Array.isArray(node)) return node.map(visit);
    if (node === null || typeof node !== "object") return node;
    const visited = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, visit(value)]));
    if (typeof visited.title !== "string" || visited.type !== "object") return visited;
    schemas[visited.title] = visited;
    return { $ref: `#/components/schemas/${visited.title}` };
  };
  const copy = JSON.parse(JSON.stringify(document)) as { paths: Json; components?: Record<string, Json> };
  copy.paths = visit(copy.paths);
  copy.components = { ...copy.components, schemas };
  return copy;
}

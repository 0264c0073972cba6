export * from "./errors.ts";
export * from "./guessing.ts";
export * from "./ids.ts";
export * from "./status.ts";

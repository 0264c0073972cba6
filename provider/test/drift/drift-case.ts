import type { Json } from "../support/management-server.ts";
import type { DriftWorld } from "./drift-world.ts";

/** What somebody does to one object behind Terraform's back, and what a plan has to say to it. */
export interface DriftRound {
  /** A JSON merge patch, perhaps made from the object as it is. */
  readonly change: object | ((current: Json) => object);
  /** The object to patch, where it is another one. */
  readonly at?: (state: Json) => string;
  /**
   * The attributes that drift, and nothing else does. Without a word after it the value became another one; `emptied`:
   * a collection or nested object went, `added`: one came that nobody configured.
   */
  readonly drifted: readonly string[];
}

/** One resource with everything set, and what happens to it, one round after the other. */
export interface DriftCase {
  readonly type: string;
  readonly label?: string;
  readonly hcl: string;
  /** Of the object, below /api. */
  readonly path: (state: Json) => string;
  readonly rounds: readonly DriftRound[];
}

/** Cases that share a server and a configuration, so that one command serves all of them. */
export interface DriftScene {
  readonly name: string;
  readonly cases: (world: DriftWorld) => readonly DriftCase[];
}

export const addressOf = ({ type, label = "this" }: DriftCase): string => `${type}.${label}`;

/** With its word. */
export const drifted = ({ drifted: paths }: DriftRound): string[] =>
  paths.map((path) => (path.includes(" ") ? path : `${path} changed`)).sort();

/** Attributes inside another one. */
export const inside = (path: string, names: readonly string[]): string[] =>
  names.map((name) => `${path}.${name}`);

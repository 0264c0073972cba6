import { equalValues } from "../convert/compare.ts";
import type { CtyType } from "../convert/cty-type.ts";
import { isUnknown, type ObjectValue, type Value } from "../convert/value.ts";
import type { Path } from "./path.ts";

/** One attribute while it is planned. */
export interface Planning {
  readonly type: CtyType;
  readonly path: Path;
  /** As the user wrote it. */
  readonly config: Value;
  /** As it is stored; null when the object that holds it is new. */
  readonly state: Value;
  /** True while the whole resource is created. */
  readonly isCreate: boolean;
  /** The resource's stored attributes, null while it is created. */
  readonly stateRoot: ObjectValue | null;
  /** What is planned so far. */
  plan: Value;
  /** Set to true when a change needs a new object. */
  requiresReplace: boolean;
}

/** Adjusts what is planned for one attribute. */
export type PlanModifier = (planning: Planning) => void;

/** Keeps the stored value of something that never changes once it exists: ids, creation times, generated keys. */
export function useStateForUnknown(): PlanModifier {
  return (planning) => {
    if (!planning.isCreate && isUnknown(planning.plan) && !isUnknown(planning.config))
      planning.plan = planning.state;
  };
}

/** The same, but a value that is not stored yet stays unknown. */
export function useNonNullStateForUnknown(): PlanModifier {
  return (planning) => {
    if (planning.state !== null) useStateForUnknown()(planning);
  };
}

/** A different value needs a new object; so does an unknown one, which may turn out different. */
export function requiresReplace(): PlanModifier {
  return requiresReplaceIf(() => true);
}

/** The same, but nothing configured means "leave it". */
export function requiresReplaceIfConfigured(): PlanModifier {
  return requiresReplaceIf(({ config }) => config !== null);
}

/** The same, but only when both values are there: an imported object adopts what the API never returns. */
export function requiresReplaceIfStored(): PlanModifier {
  return requiresReplaceIf(({ state, plan }) => state !== null && plan !== null);
}

export function requiresReplaceIf(condition: (planning: Planning) => boolean): PlanModifier {
  return (planning) => {
    if (planning.isCreate || equalValues(planning.type, planning.state, planning.plan)) return;
    if (condition(planning)) planning.requiresReplace = true;
  };
}

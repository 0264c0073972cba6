import { timingSafeEqual } from "node:crypto";
import type { AccessRule, AccessRules } from "./access-rules.ts";
import { pathReadings } from "./path-readings.ts";

/** As much of a request as rules look at. */
export interface RuledRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /**
   * The route's own prefix and the rest of the path behind it, when the target sees only the rest: what leads out of the
   * rest stays below the prefix, because the target knows nothing above its own root.
   */
  readonly stripped: { readonly prefix: string; readonly rest: string } | undefined;
  /** Name and value by turns. */
  readonly headers: readonly string[];
}

export interface RuleMatch {
  /** What decides; undefined: no rule does, and the service's usual way holds. */
  readonly rule: AccessRule | undefined;
  /** A rule that is only observed and would have decided. */
  readonly observed: AccessRule | undefined;
}

/** Targets that honour these act on another method, or on another path, than the one that is asked for. */
const methodHeaders = ["x-http-method-override", "x-http-method", "x-method-override"];
const pathHeaders = ["x-original-url", "x-rewrite-url"];

/**
 * Finds the rule for a request.
 *
 * @returns undefined when different targets would read the request differently, and different rules would apply: then
 *   nobody can say which page it opens, and it has to be refused
 */
export function matchRules(rules: AccessRules, request: RuledRequest): RuleMatch | undefined {
  const readings = readingsOf(request);
  if (readings === undefined) return undefined;
  const methods = [
    request.method,
    ...values(request.headers, methodHeaders).map((name) => name.toUpperCase()),
  ];
  let match: RuleMatch | undefined;
  for (const method of methods) {
    const applicable = rules.filter((rule) => applies(rule, method, request.headers));
    for (const reading of readings) {
      for (const fold of [false, true]) {
        const found = firstMatch(applicable, reading, fold);
        if (match === undefined) match = found;
        else if (match.rule?.outcome !== found.rule?.outcome) return undefined;
        else if (match.observed === undefined && found.observed !== undefined) match = found;
      }
    }
  }
  return match;
}

function readingsOf({ path, stripped, headers }: RuledRequest): string[] | undefined {
  const all: string[] = [];
  const add = (text: string, prefix = "") => {
    const readings = pathReadings(text);
    if (readings === undefined) return false;
    for (const reading of readings) all.push(prefix + reading);
    return true;
  };
  if (!add(path)) return undefined;
  if (stripped !== undefined && all.length > 1) {
    if (!add(stripped.rest.startsWith("/") ? stripped.rest : `/${stripped.rest}`, stripped.prefix)) {
      return undefined;
    }
  }
  for (const value of values(headers, pathHeaders)) {
    if (!add(pathOf(value))) return undefined;
  }
  return all;
}

function firstMatch(rules: AccessRules, reading: string, fold: boolean): RuleMatch {
  const path = (fold ? reading.toLowerCase() : reading).replace(/\/+$/, "");
  let observed: AccessRule | undefined;
  for (const rule of rules) {
    const wanted = fold ? rule.folded : rule.path;
    const below = !rule.exact && path.startsWith(wanted) && path.charCodeAt(wanted.length) === 47;
    if (path !== wanted && !below) continue;
    if (rule.mode === "enforce") return { rule, observed };
    observed ??= rule;
  }
  return { rule: undefined, observed };
}

/**
 * Opening asks for certainty, closing for suspicion: a header that is there twice opens nothing, because the target may
 * read the other one, and closes when either would.
 */
function applies(rule: AccessRule, method: string, headers: readonly string[]): boolean {
  if (rule.methods.size > 0 && !rule.methods.has(method)) return false;
  if (rule.header === undefined) return true;
  const { name, value } = rule.header;
  const found = values(headers, [name]);
  const right = found.filter((one) => value === undefined || sameSecret(one, value));
  return rule.action === "allow" ? found.length === 1 && right.length === 1 : right.length > 0;
}

function sameSecret(given: string, wanted: string): boolean {
  return (
    given.length === wanted.length &&
    timingSafeEqual(Buffer.from(given, "latin1"), Buffer.from(wanted, "latin1"))
  );
}

function values(headers: readonly string[], names: readonly string[]): string[] {
  const found: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    if (names.includes(headers[i]!.toLowerCase())) found.push(headers[i + 1]!);
  }
  return found;
}

/** Of a path with a query, or of a whole URL. */
function pathOf(text: string): string {
  const path = text.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  return path.startsWith("/") ? path : `/${path}`;
}

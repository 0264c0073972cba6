/** `/api` and `/api/` are the same path, and none is `/`. Targets of one path share its requests. */
export function pathKey(path: string | null): string {
  return (path ?? "/").replace(/\/+$/, "") || "/";
}

/** In the order in which the paths come, and within each in the order of its targets. */
export function groupByPath<T extends { readonly path: string | null }>(
  targets: readonly T[],
): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const target of targets) {
    const key = pathKey(target.path);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [target]);
    else group.push(target);
  }
  return groups;
}

/** Where a target leads. */
export interface Destination {
  targetType: string;
  targetId: string;
  protocol: string;
  host: string;
  port: number;
}

/** The host of other types is looked up, whatever was sent. */
const withHost = new Set(["subnet", "cluster"]);

export function leadsTo(one: Destination, other: Destination): boolean {
  return (
    one.targetType === other.targetType &&
    one.targetId === other.targetId &&
    one.protocol === other.protocol &&
    one.port === other.port &&
    (one.host === other.host || !withHost.has(one.targetType))
  );
}

/** What a target is called in messages: its path, with its place in the list where others have the path too. */
export function targetName(
  target: { path: string | null; position: number },
  all: readonly { path: string | null; position: number }[],
): string {
  if (!target.path) return String(target.position);
  const shared = all.some(
    (other) => other.position !== target.position && pathKey(other.path) === pathKey(target.path),
  );
  return shared ? `${target.path} (targets[${target.position}])` : target.path;
}

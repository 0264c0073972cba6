/** How one column is kept: booleans as 0/1 or as the database's own, JSON as text, times as integer milliseconds. */
export type ColumnKind = "text" | "integer" | "boolean" | "json";

type Row = Record<string, unknown>;

export interface RowCodec<T extends object> {
  /** Column names, for selects. */
  readonly columns: readonly string[];
  fromRow(row: Row): T;
  /** Only the keys that are present; `undefined` is left out, `null` is written. */
  toRow(value: Partial<T>): Row;
}

function columnName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The one place where snake_case rows turn into camelCase values and back. */
export function rowCodec<T extends object>(kinds: { [K in keyof T]-?: ColumnKind }): RowCodec<T> {
  const fields = (Object.entries(kinds) as [string, ColumnKind][]).map(([key, kind]) => ({
    key,
    kind,
    column: columnName(key),
  }));
  // V8 turns an object that gets more than a dozen computed keys into a hash table of its own: slow, and 1 KB each. One
  // that comes from JSON has a shape, and copies of it share that.
  const empty: Row = JSON.parse(JSON.stringify(Object.fromEntries(fields.map(({ key }) => [key, null]))));
  return {
    columns: fields.map(({ column }) => column),
    fromRow(row) {
      const value: Row = { ...empty };
      for (const { key, kind, column } of fields) value[key] = decode(kind, row[column]);
      return value as T;
    },
    toRow(value) {
      const row: Row = {};
      for (const { key, kind, column } of fields) {
        const field = (value as Row)[key];
        if (field !== undefined) row[column] = encode(kind, field);
      }
      return row;
    },
  };
}

function decode(kind: ColumnKind, stored: unknown): unknown {
  if (stored === null || stored === undefined) return null;
  switch (kind) {
    case "boolean":
      return Boolean(stored);
    case "json":
      return JSON.parse(String(stored));
    case "integer":
      // PostgreSQL hands out bigint as text.
      return Number(stored);
    case "text":
      return String(stored);
  }
}

function encode(kind: ColumnKind, value: unknown): unknown {
  if (value === null) return null;
  if (kind === "json") return JSON.stringify(value);
  // PostgreSQL has no NUL in text. Requests with one are refused; what proxies and agents report is made to fit.
  return kind === "text" && String(value).includes("\0") ? String(value).replaceAll("\0", "\ufffd") : value;
}

/** What we use of better-sqlite3's statement. */
interface Statement {
  /** Somebody is stepping through its rows. */
  readonly busy: boolean;
}

interface Connection {
  prepare(sql: string): Statement;
}

/** A list with another number of bound values is another text; the programs that are asked for all day fit. */
const KEPT = 500;
/** Anything else may change tables, and with them the columns that a statement was compiled for. */
const keepsSchema = /^\s*(select|insert|update|delete|with|begin|commit|rollback|savepoint|release)\b/i;

/**
 * Lets a connection remember its statements by their text. Compiling one costs as much as running it, and knex compiles
 * for every query anew. Those used longest ago are forgotten.
 */
export function cacheStatements(connection: Connection): void {
  const prepare = connection.prepare.bind(connection);
  const known = new Map<string, Statement>();
  connection.prepare = (sql) => {
    const cached = known.get(sql);
    if (cached !== undefined) known.delete(sql);
    if (!keepsSchema.test(sql)) {
      known.clear();
      return prepare(sql);
    }
    const statement = cached === undefined || cached.busy ? prepare(sql) : cached;
    known.set(sql, statement);
    if (known.size > KEPT) known.delete(known.keys().next().value!);
    return statement;
  };
}

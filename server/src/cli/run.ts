import { AppError } from "@netbird-proxy/proto";
import { ConfigError, readConfig, type ServerConfig } from "../config.ts";
import { backupCommand, restoreCommand } from "./backup.ts";
import { keyCommand } from "./key.ts";
import { serve } from "./serve.ts";
import { setupCommand } from "./setup.ts";
import { tokenCommand } from "./token.ts";
import { UsageError } from "./usage-error.ts";
import { userCommand } from "./user.ts";

/** Where a command writes; results go to `out`, everything for people to `err`. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

type Command = (args: string[], config: ServerConfig, terminal: Terminal) => Promise<number>;

const commands: Record<string, Command> = {
  serve,
  setup: setupCommand,
  token: tokenCommand,
  user: userCommand,
  backup: backupCommand,
  restore: restoreCommand,
  key: keyCommand,
};

const HELP = `usage: main.js [serve]
       main.js setup --email E --name N (--password P | --password-file F) [--create-pat [--pat-expire-in DAYS]] [--json]
       main.js token create --name N [--expires-in 30d] [--json]
       main.js token list [--json]
       main.js token revoke ID
       main.js user reset-password EMAIL [--password-file F]
       main.js backup FILE[.gz] [--with-access-logs]
       main.js restore FILE[.gz] [--force]
       main.js key status [--json]
       main.js key add
       main.js key rotate
       main.js key prune [ID...]

Configuration comes from the environment; see docs/configuration.md.
`;

/** @returns the exit code: 0 done, 1 failed, 2 used wrongly */
export async function run(args: string[], env: NodeJS.ProcessEnv, terminal: Terminal): Promise<number> {
  const [name = "serve", ...rest] = args;
  if (["help", "--help", "-h"].includes(name)) {
    terminal.out(HELP);
    return 0;
  }
  const command = commands[name];
  if (!command) {
    terminal.err(`unknown command ${JSON.stringify(name)}\n\n${HELP}`);
    return 2;
  }
  try {
    return await command(rest, readConfig(env), terminal);
  } catch (error) {
    return explain(error, terminal);
  }
}

function explain(error: unknown, terminal: Terminal): number {
  if (error instanceof UsageError) {
    terminal.err(`${error.message}\n\n${HELP}`);
    return 2;
  }
  if (error instanceof ConfigError) {
    terminal.err(`${error.message}\n`);
    return 2;
  }
  if (error instanceof AppError) {
    terminal.err(`${error.code}: ${error.message}\n${error.hint}\n`);
    return 1;
  }
  terminal.err(`${(error as Error).stack ?? error}\n`);
  return 1;
}

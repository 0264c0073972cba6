import { AppError } from "@netbird-proxy/proto";
import { systemActor } from "../commands/context.ts";
import { generatePassword, setPassword } from "../commands/users.ts";
import type { ServerConfig } from "../config.ts";
import { checkPasswordRules } from "../domain/check-password-rules.ts";
import { findLocalUser } from "../store/users.ts";
import { openContext } from "./open-context.ts";
import { readPasswordFile } from "./password-file.ts";
import type { Terminal } from "./run.ts";
import { parseOptions, UsageError } from "./usage-error.ts";

/** `user reset-password EMAIL`: for an owner who has forgotten theirs. Every session of the user ends. */
export async function userCommand(args: string[], config: ServerConfig, terminal: Terminal): Promise<number> {
  const { values, positionals } = parseOptions(args, { "password-file": { type: "string" } });
  const [verb, email, ...rest] = positionals;
  if (verb !== "reset-password" || !email || rest.length > 0) {
    throw new UsageError("user needs: reset-password EMAIL [--password-file F]");
  }
  const file = values["password-file"];
  const password = file === undefined ? generatePassword() : readPasswordFile(file);
  checkPasswordRules(password, "password");
  const context = await openContext(config);
  try {
    const user = await findLocalUser(context.store.db, email);
    if (!user) {
      throw new AppError("user.not_found", `no user with a password has the address ${email}`, {
        hint: "Users of an external identity provider change their password there.",
      });
    }
    await setPassword(context, systemActor(user.accountId), user, password);
    terminal.err(`${email} has a new password, and is signed out everywhere.\n`);
    if (file === undefined) terminal.out(`${password}\n`);
    return 0;
  } finally {
    await context.store.close();
  }
}

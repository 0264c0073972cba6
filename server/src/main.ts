import { run } from "./cli/run.ts";

// What we create (database, key) is nobody else's to read.
process.umask(0o077);

process.exitCode = await run(process.argv.slice(2), process.env, {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});

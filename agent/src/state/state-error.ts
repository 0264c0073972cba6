const remedies: Record<string, string> = {
  ENOSPC: "The disk is full: free some space, then start the agent again.",
  EDQUOT: "The disk quota is used up: free some space, then start the agent again.",
  EACCES: "Give the user that runs the agent write access to the folder, or choose another with --state-dir.",
  EPERM: "Give the user that runs the agent write access to the folder, or choose another with --state-dir.",
  EROFS: "The file system is read-only: choose another folder with --state-dir.",
  ENOTDIR: "A part of the path is a file: choose another folder with --state-dir.",
  EEXIST: "The path is a file: choose another folder with --state-dir.",
  EISDIR: "A folder is where the file should be: remove it, or choose another folder with --state-dir.",
  EIO: "The disk reports errors: check it, or choose another folder with --state-dir.",
};

/** Something about the state folder stops the agent. The message names the path and says what to do. */
export class StateError extends Error {
  readonly path: string;

  constructor(what: string, path: string, cause?: unknown, remedy?: string) {
    const code = (cause as NodeJS.ErrnoException | undefined)?.code;
    const next =
      remedy ?? (code && remedies[code]) ?? "Check the folder, or choose another with --state-dir.";
    super(`${what} ${path}${code ? ` (${code})` : ""}. ${next}`, { cause });
    this.name = "StateError";
    this.path = path;
  }
}

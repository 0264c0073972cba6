/** Text for people; the code is what programs look at. */
const MESSAGES: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  ECONNABORTED: "connection aborted",
  ETIMEDOUT: "connection timed out",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "no address of this family",
  EADDRNOTAVAIL: "no free port",
  EMSGSIZE: "datagram does not fit the tunnel",
  EPIPE: "write after end",
  EINVAL: "not an IP address and port",
};

/** An error shaped like those of `net.Socket`: `syscall`, `code`, `address` and `port`. */
export function socketError(
  code: keyof typeof MESSAGES & string,
  syscall: string,
  address?: string,
  port?: number,
): NodeJS.ErrnoException {
  const where = address === undefined ? "" : ` ${address}${port === undefined ? "" : `:${port}`}`;
  const error: NodeJS.ErrnoException & { address?: string; port?: number } = new Error(
    `${syscall} ${code}${where}: ${MESSAGES[code] ?? "failed"}`,
  );
  error.code = code;
  error.syscall = syscall;
  if (address !== undefined) error.address = address;
  if (port !== undefined) error.port = port;
  return error;
}

/** The error for an AbortSignal, as Node's own APIs throw it. */
export function abortError(reason: unknown): Error {
  const error = new Error("The operation was aborted", { cause: reason }) as NodeJS.ErrnoException;
  error.name = "AbortError";
  error.code = "ABORT_ERR";
  return error;
}

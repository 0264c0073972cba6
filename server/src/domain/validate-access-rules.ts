import type { AccessRule } from "@netbird-proxy/proto/rest";
import type { ServiceMode, StoredAccessRule } from "../store/services.ts";
import { headerValueProblem } from "./header-rules.ts";
import { invalid } from "./invalid-service.ts";
import type { AuthDraft } from "./validate-auth.ts";

const MAX_RULES = 100;
const MAX_METHODS = 20;
const MAX_PATH_BYTES = 1024;

/**
 * @returns the rules in the order of the request
 * @throws AppError `service.invalid` with the path of the first field that is wrong
 */
export function validateAccessRules(
  requests: readonly AccessRule[] | undefined,
  mode: ServiceMode,
  auth: AuthDraft,
): StoredAccessRule[] {
  if (requests === undefined || requests.length === 0) return [];
  if (mode !== "http") {
    invalid("access_rules", `access_rules look at HTTP requests and are not available in ${mode} mode`);
  }
  if (requests.length > MAX_RULES) invalid("access_rules", `at most ${MAX_RULES} rules`);
  const rules = requests.map((request, index) => checkRule(request, `access_rules[${index}]`, auth));
  for (const [index, rule] of rules.entries()) {
    const before = rules.findIndex((other, at) => at < index && covers(other, rule));
    if (before !== -1) {
      invalid(
        `access_rules[${index}]`,
        `this rule never decides: access_rules[${before}] matches the same requests before it; put the narrower rule first`,
      );
    }
  }
  return rules;
}

function checkRule(request: AccessRule, at: string, auth: AuthDraft): StoredAccessRule {
  const { path, path_prefix: pathPrefix, action } = request;
  if ((path === undefined) === (pathPrefix === undefined)) {
    invalid(at, "a rule needs either path (exactly this one) or path_prefix (and everything below it)");
  }
  if (path !== undefined) checkPath(path, `${at}.path`);
  if (pathPrefix !== undefined) checkPath(pathPrefix, `${at}.path_prefix`);
  return {
    path: path ?? null,
    pathPrefix: pathPrefix ?? null,
    methods: checkMethods(request.methods ?? [], `${at}.methods`),
    header: checkHeader(request.header, `${at}.header`),
    action,
    require: checkRequire(action, request.require ?? [], `${at}.require`, auth),
    mode: request.mode ?? null,
  };
}

/** In one spelling only: what a request may spell in other ways is the proxy's business. */
function checkPath(path: string, at: string): void {
  if (!path.startsWith("/")) invalid(at, "a path starts with /");
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) invalid(at, `a path is at most ${MAX_PATH_BYTES} bytes long`);
  if (/[%\\;?#\s\x00-\x1f\x7f]/.test(path)) {
    invalid(at, "write the path decoded, without %, \\, ;, ?, # and spaces");
  }
  if (path.includes("//")) invalid(at, "a path has no empty segments");
  if (/[.](\/|$)/.test(path)) invalid(at, "no segment of a path ends with a full stop, and none is . or ..");
}

function checkMethods(methods: readonly string[], at: string): string[] {
  if (methods.length > MAX_METHODS) invalid(at, `at most ${MAX_METHODS} methods`);
  for (const [index, method] of methods.entries()) {
    if (!/^[A-Z][A-Z-]{0,31}$/.test(method)) {
      invalid(`${at}[${index}]`, `${JSON.stringify(method)} is no method in capital letters, such as POST`);
    }
    if (methods.indexOf(method) !== index) invalid(`${at}[${index}]`, `${method} is there twice`);
  }
  return [...methods];
}

function checkHeader(header: AccessRule["header"], at: string): StoredAccessRule["header"] {
  if (header === undefined) return null;
  const { name, value } = header;
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/.test(name)) {
    invalid(`${at}.name`, `${JSON.stringify(name)} is no valid header name`);
  }
  if (value === undefined) return { name, value: null };
  if (value === "") invalid(`${at}.value`, "leave value out when the header only has to be there");
  const problem = headerValueProblem(value);
  if (problem) invalid(`${at}.value`, `the value of header ${name} ${problem}`);
  if (value.trim() !== value) {
    invalid(`${at}.value`, "blanks around the value of a header do not arrive; leave them out");
  }
  return { name, value };
}

/** What a visitor can be asked for, and whether the service has it. */
const enabled: Record<StoredAccessRule["require"][number], (auth: AuthDraft) => boolean> = {
  password: (auth) => auth.password?.enabled ?? false,
  pin: (auth) => auth.pin?.enabled ?? false,
  sso: (auth) => auth.bearer?.enabled ?? false,
  header: (auth) => auth.headers?.some((one) => one.enabled) ?? false,
  token: (auth) => auth.token?.enabled ?? false,
  certificate: (auth) => auth.clientCertificate?.enabled ?? false,
  share_link: (auth) => auth.shareLink?.enabled ?? false,
};

function checkRequire(
  action: AccessRule["action"],
  methods: NonNullable<AccessRule["require"]>,
  at: string,
  auth: AuthDraft,
): StoredAccessRule["require"] {
  if (action !== "require") {
    if (methods.length > 0) invalid(at, `a rule that says ${action} asks for nothing; leave require out`);
    return [];
  }
  if (methods.length === 0) invalid(at, "name at least one of the service's ways to sign in");
  for (const [index, method] of methods.entries()) {
    if (methods.indexOf(method) !== index) invalid(`${at}[${index}]`, `${method} is there twice`);
    if (!enabled[method](auth)) {
      invalid(`${at}[${index}]`, `nobody could pass: the service's auth does not have ${method} enabled`);
    }
  }
  return [...methods];
}

/** True when whatever the later rule matches has been decided by the earlier one. */
function covers(earlier: StoredAccessRule, later: StoredAccessRule): boolean {
  if (earlier.mode === "observe" || earlier.header !== null) return false;
  if (earlier.methods.length > 0) {
    const all = later.methods.length > 0 && later.methods.every((method) => earlier.methods.includes(method));
    if (!all) return false;
  }
  const wanted = bare(later.path ?? later.pathPrefix!);
  if (earlier.path !== null) return later.path !== null && bare(earlier.path) === wanted;
  const prefix = bare(earlier.pathPrefix!);
  return wanted === prefix || wanted.startsWith(`${prefix}/`);
}

function bare(path: string): string {
  return path.replace(/\/+$/, "");
}

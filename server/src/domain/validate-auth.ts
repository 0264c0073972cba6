import type { ServiceAuthRequest } from "@netbird-proxy/proto/rest";
import type { ServiceMode } from "../store/services.ts";
import { clientAuthoritiesProblem } from "./check-client-authorities.ts";
import { headerNameProblem, headerValueProblem } from "./header-rules.ts";
import { invalid } from "./invalid-service.ts";
import { checkSessionTimes, type SessionTimes } from "./session-times.ts";

/** Authentication as it was asked for, secrets in clear; an empty secret means "keep the stored one". */
export interface AuthDraft {
  password?: { enabled: boolean; secret: string };
  pin?: { enabled: boolean; secret: string };
  bearer?: { enabled: boolean; groups: string[] };
  headers?: { enabled: boolean; header: string; secret: string }[];
  token?: { enabled: boolean };
  shareLink?: { enabled: boolean };
  clientCertificate?: { enabled: boolean; authorities: string };
  times: SessionTimes;
  identityToken: boolean;
}

/** @throws AppError `service.invalid` with the path of the first field that is wrong */
export function validateAuth(mode: ServiceMode, request: ServiceAuthRequest): AuthDraft {
  const times = checkSessionTimes(request, (member, problem) => invalid(`auth.${member}`, problem));
  const draft: AuthDraft = { times, identityToken: request.identity_token ?? false };
  const onlyHttp = (member: string, enabled: boolean) => {
    if (enabled && mode !== "http") {
      invalid(`auth.${member}`, `authentication is not available in ${mode} mode`);
    }
  };
  const { password_auth: password, pin_auth: pin, bearer_auth: bearer, header_auths: headers } = request;
  if (password) {
    onlyHttp("password_auth", password.enabled);
    draft.password = { enabled: password.enabled, secret: password.password };
  }
  if (pin) {
    onlyHttp("pin_auth", pin.enabled);
    draft.pin = { enabled: pin.enabled, secret: pin.pin };
  }
  if (bearer) {
    onlyHttp("bearer_auth", bearer.enabled);
    draft.bearer = { enabled: bearer.enabled, groups: bearer.distribution_groups ?? [] };
  }
  for (const [member, key] of [
    ["token_auth", "token"],
    ["share_link_auth", "shareLink"],
  ] as const) {
    const sent = request[member];
    if (!sent) continue;
    onlyHttp(member, sent.enabled);
    draft[key] = { enabled: sent.enabled };
  }
  if (request.client_certificate_auth) {
    const { enabled, ca_certificates: authorities } = request.client_certificate_auth;
    onlyHttp("client_certificate_auth", enabled);
    const problem = enabled || authorities !== "" ? clientAuthoritiesProblem(authorities) : undefined;
    if (problem) invalid("auth.client_certificate_auth.ca_certificates", problem);
    draft.clientCertificate = { enabled, authorities };
  }
  onlyHttp("identity_token", draft.identityToken);
  // Accepted and dropped, as NetBird does.
  onlyHttp("link_auth", request.link_auth?.enabled ?? false);
  if (headers && headers.length > 0) {
    draft.headers = headers.map(({ enabled, header, value }, index) => {
      const at = `header_auths[${index}]`;
      if (enabled) {
        const problem = headerNameProblem(header);
        if (problem) invalid(`auth.${at}.header`, `header ${JSON.stringify(header)} ${problem}`);
        const valueProblem = headerValueProblem(value);
        if (valueProblem) invalid(`auth.${at}.value`, `the value of header ${header} ${valueProblem}`);
        onlyHttp(at, true);
      }
      return { enabled, header, secret: value };
    });
  }
  return draft;
}

/**
 * Every failure that leaves a process. Codes are contract; messages are for people and may change.
 * `http` and `grpc` are the statuses at the edge, `hint` says what to do next when the thrower has nothing better.
 * A test checks that docs/errors.md lists exactly these.
 */
export const errorCodes = {
  "request.malformed": { http: 400, grpc: 3, hint: "Send a JSON body as described in /api/openapi.json." },
  "request.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "request.too_large": { http: 413, grpc: 8, hint: "Send less in one request." },
  "request.not_found": { http: 404, grpc: 12, hint: "Check the path against /api/openapi.json." },
  "request.conflict": { http: 412, grpc: 10, hint: "Read the object again and repeat the change." },
  "request.precondition_failed": {
    http: 412,
    grpc: 9,
    hint: "Read the object again and repeat the change with its ETag.",
  },
  "request.idempotency_key_reused": {
    http: 422,
    grpc: 6,
    hint: "Use a new Idempotency-Key for every request that is not a repetition.",
  },
  "request.headers_too_large": { http: 431, grpc: 8, hint: "Send shorter headers and a shorter URL." },
  "request.timeout": { http: 408, grpc: 4, hint: "Send the whole request faster." },
  "batch.refused": { http: 422, grpc: 9, hint: "Correct the operations that results shows as refused." },
  "batch.unknown_reference": {
    http: 422,
    grpc: 3,
    hint: "Refer to the ref of an earlier operation and a member of its answer, such as @{net.id}.",
  },
  "auth.missing_token": { http: 401, grpc: 16, hint: "Send the header `Authorization: Token nbp_...`." },
  "auth.invalid_token": { http: 401, grpc: 16, hint: "Make a new token, or check that it was copied whole." },
  "auth.wrong_credentials": { http: 401, grpc: 16, hint: "Check the address and the password." },
  "auth.expired_token": { http: 401, grpc: 16, hint: "Make a new token." },
  "auth.permission_denied": {
    http: 403,
    grpc: 7,
    hint: "Ask an owner or admin for a role that may do this.",
  },
  "auth.user_blocked": { http: 403, grpc: 7, hint: "Ask an owner or admin to unblock or approve the user." },
  "auth.rate_limited": { http: 429, grpc: 8, hint: "Wait for a moment, then try again." },
  "auth.account_mismatch": { http: 403, grpc: 7, hint: "Use a token of the account that owns the object." },

  "setup.already_done": { http: 412, grpc: 9, hint: "Sign in with the existing owner." },
  "setup.external_provider": {
    http: 412,
    grpc: 9,
    hint: "Sign in through the identity provider; the first one to do so owns the account.",
  },
  "setup.invalid_email": { http: 422, grpc: 3, hint: "Give an address such as owner@example.com." },
  "setup.invalid_password": { http: 422, grpc: 3, hint: "Use 8 to 72 bytes." },

  "service.not_found": { http: 404, grpc: 5, hint: "List services to see which exist." },
  "service.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "service.domain_taken": {
    http: 409,
    grpc: 6,
    hint: "Choose another domain, or remove the service that uses it.",
  },
  "service.no_cluster": {
    http: 412,
    grpc: 9,
    hint: "Use a name under a connected cluster's domain, or add a custom domain first.",
  },
  "service.subdomain_required": { http: 422, grpc: 3, hint: "Put a label in front of the cluster domain." },
  "service.no_targets": { http: 422, grpc: 3, hint: "Add at least one target." },
  "service.duplicate_target": {
    http: 422,
    grpc: 3,
    hint: "Remove one of the two targets, or change its path or where it leads.",
  },
  "service.target_not_found": {
    http: 422,
    grpc: 3,
    hint: "Use the id of an existing peer or network resource.",
  },
  "service.path_taken": {
    http: 409,
    grpc: 6,
    hint: "Agree with the owner of the path, or use another path.",
  },
  "target.not_found": { http: 404, grpc: 5, hint: "List the targets of the service to see which exist." },
  "service.target_type_mismatch": {
    http: 422,
    grpc: 3,
    hint: "Set target_type to the type of the resource.",
  },
  "service.port_out_of_range": { http: 422, grpc: 3, hint: "Use a port from 1 to 65535." },
  "service.port_taken": { http: 409, grpc: 6, hint: "Choose another listen_port, or leave it out." },
  "service.no_free_port": {
    http: 412,
    grpc: 9,
    hint: "Remove unused services or widen NB_PROXY_PORT_MIN/MAX.",
  },
  "service.custom_ports_unsupported": {
    http: 422,
    grpc: 3,
    hint: "Leave listen_port out, or use a cluster that supports custom ports.",
  },
  "service.mode_immutable": {
    http: 422,
    grpc: 3,
    hint: "Delete the service and create it with the other mode.",
  },
  "service.terminated": { http: 403, grpc: 7, hint: "A terminated service can only be deleted." },
  "service.secret_missing": { http: 422, grpc: 3, hint: "Send the secret, or disable the method." },

  "domain.not_found": { http: 404, grpc: 5, hint: "List domains to see which exist." },
  "domain.invalid": { http: 422, grpc: 3, hint: "Give a DNS name such as apps.example.com." },
  "domain.taken": { http: 409, grpc: 6, hint: "The name is registered already; use it, or choose another." },
  "domain.cluster_unavailable": { http: 412, grpc: 9, hint: "Connect a proxy of that cluster first." },
  "certificate.not_found": { http: 404, grpc: 5, hint: "List certificates to see which exist." },
  "certificate.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "dns_credentials.not_found": { http: 404, grpc: 5, hint: "List DNS credentials to see which exist." },
  "dns_credentials.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "dns_credentials.taken": {
    http: 409,
    grpc: 6,
    hint: "The domain has credentials already; change those, or name another domain.",
  },
  "cluster.not_found": { http: 404, grpc: 5, hint: "List clusters to see which exist." },

  "group.not_found": { http: 404, grpc: 5, hint: "List groups to see which exist." },
  "group.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "group.name_taken": { http: 409, grpc: 6, hint: "Choose another name, or use the existing group." },
  "group.in_use": { http: 400, grpc: 9, hint: "Remove the reference named in the message first." },
  "setup_key.not_found": { http: 404, grpc: 5, hint: "Check the setup key, or make a new one." },
  "setup_key.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "setup_key.expired": { http: 403, grpc: 7, hint: "Make a new setup key." },
  "setup_key.revoked": { http: 403, grpc: 7, hint: "Make a new setup key." },
  "setup_key.overused": {
    http: 403,
    grpc: 7,
    hint: "Make a new setup key, or one with a higher usage_limit.",
  },
  "peer.not_found": { http: 404, grpc: 5, hint: "List peers to see which exist." },
  "peer.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "peer.in_use": { http: 412, grpc: 9, hint: "Remove the service or router that uses the peer first." },
  "peer.key_taken": { http: 409, grpc: 6, hint: "Every device needs a key pair of its own." },
  "network.not_found": { http: 404, grpc: 5, hint: "List networks to see which exist." },
  "network.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "network.in_use": { http: 412, grpc: 9, hint: "Remove the services that target its resources first." },
  "user.not_found": { http: 404, grpc: 5, hint: "List users to see which exist." },
  "user.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "user.email_taken": { http: 409, grpc: 6, hint: "Choose another address, or change the existing user." },
  "user.no_identity_provider": {
    http: 412,
    grpc: 9,
    hint: "Add the person in the identity provider; they appear here when they first sign in.",
  },
  "user.password_refused": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "invite.not_found": { http: 404, grpc: 5, hint: "Ask who invited you for a new invitation." },
  "invite.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "invite.exists": { http: 409, grpc: 6, hint: "Regenerate or delete the invitation that exists." },
  "invite.expired": { http: 422, grpc: 9, hint: "Ask who invited you to regenerate the invitation." },
  "identity.unreachable": {
    http: 503,
    grpc: 14,
    hint: "Check that the server reaches the issuer of NB_SERVER_OIDC_ISSUER, and trusts its certificate.",
  },
  "identity.unknown_state": { http: 400, grpc: 9, hint: "Go back to the service and sign in again." },
  "identity.refused": {
    http: 502,
    grpc: 9,
    hint: "Check client id, secret and redirect URI in the identity provider, then sign in again.",
  },
  "account.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "policy.not_found": { http: 404, grpc: 5, hint: "List policies to see which exist." },
  "policy.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "token.not_found": { http: 404, grpc: 5, hint: "List tokens to see which exist." },
  "token.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "proxy_token.not_found": { http: 404, grpc: 5, hint: "List proxy tokens to see which exist." },
  "proxy_token.invalid": { http: 400, grpc: 3, hint: "Correct the field named in error.path." },

  "service_token.not_found": {
    http: 404,
    grpc: 5,
    hint: "List the tokens of the service to see which exist.",
  },
  "service_token.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },
  "share_link.not_found": {
    http: 404,
    grpc: 5,
    hint: "List the share links of the service to see which exist.",
  },
  "share_link.invalid": { http: 422, grpc: 3, hint: "Correct the field named in error.path." },

  "proxy.address_taken": {
    http: 409,
    grpc: 6,
    hint: "Another owner's proxy announces this domain; choose another NB_PROXY_DOMAIN.",
  },
  "proxy.id_taken": {
    http: 409,
    grpc: 6,
    hint: "Another token owns this proxy id; give the proxy its own state folder.",
  },
  "proxy.invalid_address": {
    http: 422,
    grpc: 3,
    hint: "Set NB_PROXY_DOMAIN to a domain name or IP address.",
  },

  "server.address_unavailable": {
    http: 500,
    grpc: 13,
    hint: "Stop what listens there, or set NB_SERVER_ADDRESS to another host:port.",
  },
  "server.certificate_unusable": {
    http: 500,
    grpc: 13,
    hint: "Check the files that NB_SERVER_TLS_CERT_FILE and NB_SERVER_TLS_KEY_FILE name.",
  },
  "backup.unusable": {
    http: 500,
    grpc: 13,
    hint: "Use another backup; nothing was changed.",
  },
  "backup.unwritable": { http: 500, grpc: 13, hint: "Name a file in a folder that exists, with space left." },
  "backup.database_not_empty": {
    http: 500,
    grpc: 13,
    hint: "Point NB_SERVER_DATABASE at an empty database, or replace everything in this one with --force.",
  },
  "key.missing": {
    http: 500,
    grpc: 13,
    hint: "Copy the key file from a server that has the key, or add the key's line from a saved copy; `key status` shows what is missing.",
  },
  "key.not_found": { http: 500, grpc: 13, hint: "Run `key status` to see which keys there are." },
  "key.in_use": {
    http: 500,
    grpc: 13,
    hint: "Run `key rotate` until it says that it is complete, then prune again.",
  },
  "key.unknown_to_server": {
    http: 500,
    grpc: 13,
    hint: "Copy the key file to that server and run the command again; a server that is gone for good is forgotten after a minute.",
  },
  "key.not_in_file": {
    http: 500,
    grpc: 13,
    hint: "Put a new key in front in NB_SERVER_ENCRYPTION_KEY, separated by a comma, restart every server, and run `key rotate`.",
  },
  "key.file_unwritable": {
    http: 500,
    grpc: 13,
    hint: "Run the command as the file's owner or root, in a folder that it may write; a mounted file has to be changed where it comes from, and `key rotate` goes on from there.",
  },
  "key.values_unreadable": {
    http: 500,
    grpc: 13,
    hint: "Put the key that is missing back into the key file, or delete the objects that are named, and run the command again.",
  },
  "geo.database_unusable": {
    http: 500,
    grpc: 13,
    hint: "Point NB_SERVER_GEO_DATABASE at a country database in MaxMind's format (.mmdb), or leave it empty for the embedded one.",
  },
  "access_logs.overloaded": {
    http: 503,
    grpc: 8,
    hint: "Lower NB_PROXY_ACCESS_LOG_RATE on the proxies, or give the server's disk more to work with.",
  },
  "storage.unreadable": {
    http: 500,
    grpc: 13,
    hint: "Check the database file, its permissions, and the latest backup.",
  },
  "storage.unreachable": {
    http: 503,
    grpc: 14,
    hint: "Start PostgreSQL, or correct host and port in NB_SERVER_DATABASE. The server goes on by itself when it answers.",
  },
  "storage.full": { http: 507, grpc: 8, hint: "Free disk space on the volume of the state folder." },
  internal: { http: 500, grpc: 13, hint: "Look for the request id in the server's log." },
} as const satisfies Record<string, { http: number; grpc: number; hint: string }>;

export type ErrorCode = keyof typeof errorCodes;

/** Why a service, certificate or target is not as it should be. Same rules as {@link errorCodes}, without statuses. */
export const reasonCodes = {
  "service.disabled": { hint: "Set enabled to true to serve it." },
  "service.no_proxy_connected": {
    hint: "Start a proxy of the cluster, or look at the log of the one that should run.",
  },
  "service.not_applied_yet": { hint: "Wait a moment; the proxy has not confirmed the newest configuration." },
  "service.no_enabled_targets": { hint: "Enable at least one target." },
  "proxy.rejected": {
    hint: "The proxy refused the newest configuration and serves the previous one; see the message.",
  },
  "proxy.port_in_use": { hint: "Free the port on the proxy host or choose another listen_port." },
  "proxy.stale_report": {
    hint: "The proxy stopped reporting; check its log and its connection to the server.",
  },
  "proxy.mode_unsupported": { hint: "Update the proxy; it does not know this mode." },
  "proxy.private_off": {
    hint: "Remove NB_PROXY_PRIVATE=false from the proxy's environment, or move the service to another cluster.",
  },
  "tunnel.peer_never_connected": {
    hint: "Start the agent on the peer and check that it reaches the proxy over UDP.",
  },
  "tunnel.peer_unreachable": { hint: "Check that the agent runs and that UDP to the proxy is open." },
  "tunnel.no_route": {
    hint: "Add a router for the resource's network, or check that its routing peer is connected.",
  },
  "tunnel.not_supported": {
    hint: "The server does not offer tunnels to this proxy; use direct_upstream or update the server.",
  },
  "target.not_probed_yet": { hint: "Wait a moment; the first probe is under way." },
  "target.refused": {
    hint: "Nothing listens on that port of the target; start the service or correct the port.",
  },
  "target.timeout": { hint: "The target does not answer; check its firewall and the port." },
  "target.unreachable": { hint: "The peer cannot reach the target; check its network." },
  "target.denied": { hint: "The agent has no rule for this port yet; if it stays, restart the agent." },
  "target.unresolved": { hint: "The name does not resolve on the routing peer." },
  "target.error": { hint: "See the message; the proxy's log has more." },
  "certificate.missing": { hint: "Give the proxy a certificate that covers the domain." },
  "certificate.name_mismatch": {
    hint: "The certificate does not cover the domain; add the name or a wildcard.",
  },
  "certificate.expired": { hint: "Renew the certificate." },
  "certificate.key_mismatch": {
    hint: "Certificate and key do not belong together; install the matching pair.",
  },
  "certificate.unreadable": { hint: "Check the files and their permissions." },
  "certificate.pending": { hint: "Wait; the order is under way." },
  "certificate.failed": { hint: "See the message of the certificate authority." },
  "certificate.dns": {
    hint: "Point the domain's DNS records (A, AAAA or CNAME) to the proxies; the authority cannot resolve it.",
  },
  "certificate.unreachable": {
    hint: "Open port 443 (tls-alpn-01) or 80 (http-01) of the proxies to the internet, and point the domain to them.",
  },
  "certificate.challenge_failed": {
    hint: "The authority got another answer than ours; check that the domain points to these proxies and to nothing else.",
  },
  "certificate.caa_forbids": { hint: "Allow the certificate authority in the domain's CAA record." },
  "certificate.rate_limited": {
    hint: "Wait; the proxy orders again when the limit of the certificate authority allows it.",
  },
  "certificate.name_rejected": {
    hint: "The authority issues nothing for this name; use another name or another source of certificates.",
  },
  "certificate.account_refused": {
    hint: "Check NB_PROXY_ACME_EAB_KID and NB_PROXY_ACME_EAB_HMAC_KEY, and what the authority asks of the account.",
  },
  "certificate.dns_credentials_missing": {
    hint: "Add DNS credentials for the domain, or set NB_PROXY_ACME_CHALLENGE_TYPE to tls-alpn-01 or http-01.",
  },
  "certificate.dns_refused": {
    hint: "Correct the DNS credentials of the domain; the DNS server or provider refused the record.",
  },
  "certificate.dns_provider_unreachable": {
    hint: "Check the address in the DNS credentials, and that the management server may connect to it.",
  },
  "certificate.dns_not_visible": {
    hint: "The domain's name servers do not show the record; check the zone, and where _acme-challenge points.",
  },
  "certificate.authority_unreachable": {
    hint: "Check NB_PROXY_ACME_DIRECTORY and that the proxy may connect to it; the proxy tries again by itself.",
  },
  "dns.unresolved": { hint: "Add a record for the domain: a CNAME to the cluster's address, for example." },
  "dns.elsewhere": {
    hint: "Point the domain's record at the cluster (a private service's at its private_addresses), and wait until the old one has expired.",
  },
  "dns.lookup_failed": { hint: "Check the DNS servers that the management server asks (NB_DNS_SERVERS)." },
} as const satisfies Record<string, { hint: string }>;

export type ReasonCode = keyof typeof reasonCodes;

/** What a service's owner should know although the request is accepted. */
export const warningCodes = {
  "service.public": {
    hint: "Add an auth block, limit access_restrictions.allowed_cidrs, or confirm with public = true.",
  },
  "service.crowdsec_missing": {
    hint: "Set NB_PROXY_CROWDSEC_API_URL and NB_PROXY_CROWDSEC_API_KEY on every proxy of the cluster, or observe only.",
  },
  "service.private_off": {
    hint: "Remove NB_PROXY_PRIVATE=false from the environment of every proxy of the cluster.",
  },
  "domain.not_validated": {
    hint: "Add the CNAME record of the custom domain; certificates for it may fail until then.",
  },
} as const satisfies Record<string, { hint: string }>;

export type WarningCode = keyof typeof warningCodes;

/** Fails with a code of the catalogue. Only the handler at the edge turns it into a status. */
export class AppError extends Error {
  readonly code: ErrorCode;
  /** Where in the request, such as `targets[1].path`; empty when it is not about one field. */
  readonly path: string;
  readonly hint: string;
  /** When it is worth trying again; the header Retry-After (RFC 9110 §10.2.3). */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    details: { path?: string; hint?: string; cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "AppError";
    this.code = code;
    this.path = details.path ?? "";
    this.hint = details.hint ?? errorCodes[code].hint;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }
}

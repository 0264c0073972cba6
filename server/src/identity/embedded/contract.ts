/** The API's clients (reference §6.4): NetBird's dashboard, whose id is also the audience, and its command line. */
export const DASHBOARD_CLIENT = "netbird-dashboard";
export const CLI_CLIENT = "netbird-cli";
export const SCOPES = "openid profile email groups offline_access";
/** Where services' visitors come back to. */
export const CALLBACK_PATH = "/api/reverse-proxy/callback";
export const MOUNT_PATH = "/oauth2";

/** Every option that targets of mode `http` take, as configured and otherwise. */
export const HTTP_OPTIONS = `options = {
  skip_tls_verify      = true
  request_timeout      = "30s"
  session_idle_timeout = "5m"
  path_rewrite         = "preserve"
  custom_headers       = { X-A = "b", X-C = "d" }
  direct_upstream      = true
}`;
export const otherOptions = {
  request_timeout: "10s",
  session_idle_timeout: "1m",
  custom_headers: { "X-A": "c" },
};
export const httpOptionNames = [
  "skip_tls_verify",
  "request_timeout",
  "session_idle_timeout",
  "path_rewrite",
  "custom_headers",
  "direct_upstream",
];

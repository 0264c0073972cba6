import type { Service } from "@netbird-proxy/proto/rest";

/** Why a service does not work, and what the server warns about; each with what to do. */
export function Notices({ service: { enabled, meta, warnings } }: { service: Service }) {
  const reason = enabled ? meta.status_reason : undefined;
  if (reason === undefined && warnings.length === 0) return null;
  return (
    <ul className="notices">
      {reason !== undefined && (
        <li className="problem">
          {reason.message} <small>{reason.hint}</small>
        </li>
      )}
      {warnings.map(({ code, path, message, hint }) => (
        <li key={`${code} ${path}`} className="warning">
          <strong>Warning:</strong> {message} <small>{hint}</small>
        </li>
      ))}
    </ul>
  );
}

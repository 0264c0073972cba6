import type { Diagnosis, ProxyServiceStatus, Service, ServiceStatusDetail } from "@netbird-proxy/proto/rest";
import { useState } from "react";
import useSwr from "swr";
import { LoadProblem } from "../api/load-problem.tsx";
import { EndSessions } from "./end-sessions.tsx";
import { Notices } from "./notices.tsx";
import { StateBadge } from "./state-badge.tsx";

/** One service: what is wrong with it, and how each proxy sees it. */
export function ServicePage({ id }: { id: string }) {
  const at = `/reverse-proxies/services/${encodeURIComponent(id)}`;
  const { data: service, error } = useSwr<Service, unknown>(at);
  const { data: status } = useSwr<ServiceStatusDetail, unknown>(`${at}/status`);
  if (service === undefined) return error === undefined ? <p>Loading …</p> : <LoadProblem error={error} />;
  return (
    <>
      <h1>
        {service.name} <StateBadge state={service.meta.status} enabled={service.enabled} />
      </h1>
      <LoadProblem error={error} />
      <p>{service.url}</p>
      <Notices service={service} />
      <h2>Proxies</h2>
      {status?.proxies.length === 0 && <p>No proxy of its cluster is connected.</p>}
      {status?.proxies.map((proxy) => (
        <ProxyTable key={proxy.proxy_id} proxy={proxy} />
      ))}
      <EndSessions service={service} />
      <DiagnosisSection at={at} />
    </>
  );
}

function ProxyTable({
  proxy: { proxy_id, connected, targets, certificate, reason },
}: {
  proxy: ProxyServiceStatus;
}) {
  return (
    <table>
      <caption>
        {proxy_id}
        {!connected && " (not connected)"}
        {reason !== undefined && `: ${reason.message}`}
        {certificate?.expires_at !== undefined &&
          `, certificate from ${certificate.source} until ${certificate.expires_at.slice(0, 10)}`}
      </caption>
      <thead>
        <tr>
          <th scope="col">Target</th>
          <th scope="col">State</th>
          <th scope="col">Latest probe</th>
        </tr>
      </thead>
      <tbody>
        {targets.map(({ position, path, target_id, state, reason: why, probe_ms }) => (
          <tr key={position}>
            <th scope="row">
              {path ?? ""} {target_id}
            </th>
            <td>
              <span
                className={`badge ${state === "reachable" ? "good" : state === "unknown" ? "soon" : "bad"}`}
              >
                {state.replaceAll("_", " ")}
              </span>
              {why !== undefined && (
                <>
                  {" "}
                  {why.message} <small>{why.hint}</small>
                </>
              )}
            </td>
            <td>{probe_ms > 0 ? `${probe_ms} ms` : "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Only when asked for: it looks names up. */
function DiagnosisSection({ at }: { at: string }) {
  const [wanted, setWanted] = useState(false);
  const { data, error, isValidating, mutate } = useSwr<Diagnosis, unknown>(wanted ? `${at}/diagnose` : null, {
    refreshInterval: 0,
  });
  return (
    <>
      <h2>Diagnosis</h2>
      <button
        type="button"
        disabled={isValidating}
        onClick={() => (wanted ? void mutate() : setWanted(true))}
      >
        Diagnose
      </button>
      <LoadProblem error={error} />
      {data !== undefined && (
        <ol className="checks">
          {data.checks.map(({ name, ok, message, hint, proxy, target }) => (
            <li key={`${name} ${proxy ?? ""} ${target ?? ""}`} className={ok ? "" : "problem"}>
              <strong>{name}</strong> {[proxy, target].filter((one) => one !== undefined).join(", ")}
              {ok ? " is well: " : " is not well: "}
              {message} {hint !== "" && <small>{hint}</small>}
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

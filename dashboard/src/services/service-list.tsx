import type { Service } from "@netbird-proxy/proto/rest";
import { useState } from "react";
import useSwr from "swr";
import { Link } from "wouter";
import { LoadProblem } from "../api/load-problem.tsx";
import { Notices } from "./notices.tsx";
import { StateBadge } from "./state-badge.tsx";

/** Every service of the account, those that need somebody first. */
export function ServiceList() {
  const { data, error } = useSwr<Service[], unknown>("/reverse-proxies/services");
  const [wanted, setWanted] = useState("");
  const [onlyNoted, setOnlyNoted] = useState(false);
  const all = data ?? [];
  const shown = all
    .filter(({ name, domain }) => `${name} ${domain}`.toLowerCase().includes(wanted.trim().toLowerCase()))
    .filter((service) => !onlyNoted || urgency(service) > 0)
    .toSorted((a, b) => urgency(b) - urgency(a) || a.name.localeCompare(b.name));
  const noted = all.filter((service) => urgency(service) > 0).length;

  return (
    <>
      <h1>Services</h1>
      <LoadProblem error={error} />
      <search className="filters">
        <label>
          Name or domain
          <input type="search" value={wanted} onChange={(event) => setWanted(event.target.value)} />
        </label>
        <label>
          <input
            type="checkbox"
            checked={onlyNoted}
            onChange={(event) => setOnlyNoted(event.target.checked)}
          />
          Only those with problems or warnings ({noted})
        </label>
      </search>
      {data !== undefined && all.length === 0 && (
        <p>There are no services yet. They are declared with Terraform, CDK or the REST API.</p>
      )}
      {all.length > 0 && shown.length === 0 && <p>None of the {all.length} services is like that.</p>}
      {shown.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Service</th>
              <th scope="col">Address</th>
              <th scope="col">State</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((service) => (
              <Row key={service.id} service={service} />
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Row({ service }: { service: Service }) {
  const { id, name, url, enabled, meta, mode } = service;
  return (
    <tr>
      <th scope="row">
        <Link href={`/services/${id}`}>{name}</Link>
        <Notices service={service} />
      </th>
      <td>
        {mode === "http" ? (
          <a href={url} target="_blank" rel="noreferrer">
            {url}
          </a>
        ) : (
          url
        )}
      </td>
      <td>
        <StateBadge state={meta.status} enabled={enabled} />
      </td>
    </tr>
  );
}

/** 2: does not work, 1: works and is warned about. */
function urgency({ enabled, meta, warnings }: Service): number {
  if (enabled && meta.status !== "active") return 2;
  return warnings.length > 0 ? 1 : 0;
}

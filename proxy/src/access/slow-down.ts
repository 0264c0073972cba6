import { type Answer, answer } from "../answer/catalogue.ts";
import type { Exchange } from "../exchange.ts";

/** Answers a visitor whom CrowdSec wants slowed down when there have been too many requests; undefined: not yet. */
export function slowDown(x: Exchange): Answer | undefined {
  const { suspicion } = x;
  if (suspicion === undefined) return undefined;
  const { suspects, onFinding } = x.parts.addressChecks;
  const waitSeconds = suspects.waitSeconds(suspicion, x.clientAddress, Date.now());
  if (waitSeconds === 0) return undefined;
  const verdict = `crowdsec_${suspicion}` as const;
  const finding = { restriction: "crowdsec", verdict, mode: "enforce" } as const;
  x.findings = [...x.findings, finding];
  onFinding(finding);
  x.authMechanism = verdict;
  return answer(`access.${verdict}`, { headers: ["retry-after", String(waitSeconds)] });
}

import type { ResourceType } from "../store/network-resources.ts";
import { isDomainName } from "./domain-name.ts";
import { isSingleAddress, parseAddress, parseNetwork } from "./ip-network.ts";

/**
 * What a network resource's address is, and how it is stored: a host with its prefix length, a subnet as written, a
 * domain as written. @returns undefined when it is none of them
 */
export function classifyResourceAddress(text: string): { type: ResourceType; address: string } | undefined {
  const network = parseNetwork(text);
  if (network) return { type: isSingleAddress(network) ? "host" : "subnet", address: text };
  const address = parseAddress(text);
  if (address) return { type: "host", address: `${text}/${address.family === 4 ? 32 : 128}` };
  const name = text.startsWith("*.") ? text.slice(2) : text;
  return isDomainName(name) ? { type: "domain", address: text } : undefined;
}

import { isIP } from "node:net";
import { sameCidr } from "./proxy-service/cidr.ts";

/** "10.0.0.1" and "10.0.0.1/32" are one host; domains compare without case. */
export function sameAddress(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase() || sameCidr(withLength(a), withLength(b));
}

function withLength(address: string): string {
  const family = isIP(address);
  return family === 0 ? address : `${address}/${family === 4 ? 32 : 128}`;
}

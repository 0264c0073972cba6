/** What Terraform needs to use a provider that is running already, as the value of TF_REATTACH_PROVIDERS. */
export function reattachVariable(
  providerAddress: string,
  listener: { readonly network: string; readonly address: string },
  pid: number,
): string {
  return JSON.stringify({
    [providerAddress]: {
      Protocol: "grpc",
      ProtocolVersion: 6,
      Pid: pid,
      // With false, Terraform 1.11 takes the version for 0 and crashes.
      Test: true,
      Addr: { Network: listener.network, String: listener.address },
    },
  });
}

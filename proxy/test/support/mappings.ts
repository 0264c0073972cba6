import { management } from "@netbird-proxy/proto/grpc";

const { UPDATE_TYPE_CREATED, UPDATE_TYPE_REMOVED } = management.ProxyMappingUpdateType;

export interface TargetSketch {
  path?: string;
  target: string;
  options?: Partial<management.PathTargetOptions>;
}

/** A public HTTP service whose targets are reached over the machine's own network. */
export function httpService(
  id: string,
  domain: string,
  targets: string | TargetSketch[],
  more: Partial<management.ProxyMapping> = {},
): management.ProxyMapping {
  const sketches = typeof targets === "string" ? [{ target: targets }] : targets;
  return management.ProxyMapping.fromPartial({
    type: UPDATE_TYPE_CREATED,
    id,
    accountId: "account-1",
    domain,
    mode: "http",
    auth: publicAuth,
    path: sketches.map(({ path = "/", target, options }: TargetSketch, position) => ({
      path,
      target,
      position,
      options: { directUpstream: true, ...options },
    })),
    ...more,
  } as never);
}

export const publicAuth = management.Authentication.fromPartial({});

export function removed(id: string): management.ProxyMapping {
  return management.ProxyMapping.fromPartial({ type: UPDATE_TYPE_REMOVED, id } as never);
}

import type { sendUnaryData } from "@grpc/grpc-js";
import { GRPCControllerService } from "@netbird-proxy/proto/goplugin";

export const controllerService = GRPCControllerService;

/** Ends the process when asked. Without it the host waits two seconds and kills us, every time. */
export function controllerImplementation(shutdown: () => void) {
  return {
    shutdown(_call: unknown, callback: sendUnaryData<object>) {
      callback(null, {});
      shutdown();
    },
  };
}

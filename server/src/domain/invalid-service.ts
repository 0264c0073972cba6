import { AppError } from "@netbird-proxy/proto";

/** Refuses a service request. @param path of the field that is wrong */
export function invalid(path: string, message: string): never {
  throw new AppError("service.invalid", message, { path });
}

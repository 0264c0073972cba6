import type { ReasonCode } from "@netbird-proxy/proto";

/** Why a challenge record could not be written, for the status of the service. Says nothing secret. */
export class ChallengeProblem extends Error {
  readonly reason: ReasonCode;

  constructor(reason: ReasonCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ChallengeProblem";
    this.reason = reason;
  }
}

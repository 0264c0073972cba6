import { join } from "node:path";
import type { EndedSessions } from "./access/ended-sessions.ts";
import type { Brandings } from "./answer/branding.ts";
import type { Logger } from "./observe/log.ts";
import type { Metrics } from "./observe/metrics.ts";
import type { ServiceRegistry } from "./route/registry.ts";
import type { ReadResult } from "./state/checked-file.ts";
import { encodeLastKnown, type LastKnown, readLastKnown } from "./state/last-known.ts";
import { StateWriter } from "./state/state-writer.ts";
import { encodeVisitorState, readVisitorState } from "./state/visitor-state.ts";
import type { Tunnels } from "./tunnel/tunnels.ts";

export interface SavedStateParts {
  readonly directory: string;
  readonly registry: Pick<ServiceRegistry, "served">;
  readonly tunnels: Pick<Tunnels, "encodedStates" | "peersSeenAt">;
  readonly ended: EndedSessions;
  readonly branding: Brandings;
  readonly metrics: Pick<Metrics, "stateWrites">;
  readonly log: Logger;
  readonly position: () => { epoch: string; revision: bigint };
}

/** What a proxy keeps on disk, so that a restart without a management server serves as before. */
export class SavedState {
  readonly #parts: SavedStateParts;
  readonly #configuration: StateWriter;
  readonly #visitors: StateWriter;

  constructor(parts: SavedStateParts) {
    this.#parts = parts;
    const { ended, branding } = parts;
    this.#configuration = this.#writer("last-known.json", () =>
      encodeLastKnown({
        ...parts.position(),
        mappings: parts.registry.served.values(),
        tunnels: parts.tunnels.encodedStates(),
        peersSeenAt: parts.tunnels.peersSeenAt(),
      }),
    );
    this.#visitors = this.#writer("visitors.json", () =>
      encodeVisitorState({ ended: ended.entries(Date.now()), brandings: branding.told }),
    );
  }

  #writer(name: string, content: () => string): StateWriter {
    const { log, metrics } = this.#parts;
    return new StateWriter({
      file: this.#file(name),
      log,
      content,
      onResult: (ok) => metrics.stateWrites.inc({ result: ok ? "ok" : "error" }),
    });
  }

  #file(name: string): string {
    return join(this.#parts.directory, name);
  }

  /**
   * Takes over what visitors had, before anything is served: no session may be verified that was ended.
   *
   * @returns the configuration; undefined when there is none that can be used
   */
  read(): LastKnown | undefined {
    const { ended, branding } = this.#parts;
    const visitors = this.#usable(
      "visitors.json",
      readVisitorState,
      "ended sessions and brands are not known until the server answers",
    );
    if (visitors !== undefined) {
      ended.end(visitors.ended, Date.now());
      branding.replace(visitors.brandings);
    }
    ended.onChange = () => this.#visitors.changed();
    branding.onChange = () => this.#visitors.changed();
    return this.#usable(
      "last-known.json",
      readLastKnown,
      "saved configuration is not usable; waiting for the server",
    );
  }

  #usable<T>(name: string, read: (file: string) => ReadResult<T>, complaint: string): T | undefined {
    const file = this.#file(name);
    const result = read(file);
    if (result.kind === "read") return result.value;
    if (result.kind === "unusable")
      this.#parts.log.error({ file, reason: result.why, movedTo: result.movedTo }, complaint);
    return undefined;
  }

  configurationChanged(): void {
    this.#configuration.changed();
  }

  async flush(): Promise<void> {
    await this.#configuration.flush();
    await this.#visitors.flush();
  }
}

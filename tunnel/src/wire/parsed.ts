/** Why bytes from the network were not understood. Bad bytes are daily life for a tunnel, so they are values. */
export type ParseFailure =
  | "too-short"
  | "bad-version"
  | "bad-length"
  | "bad-checksum"
  | "bad-option"
  | "bad-type"
  | "bad-text"
  | "unsupported-extension";

export type Parsed<T> = { readonly ok: true; readonly value: T } | Failed;
export interface Failed {
  readonly ok: false;
  readonly why: ParseFailure;
}

// One shared object per reason: a flood of bad packets must not cost an allocation each.
const failures = new Map<ParseFailure, Failed>();

/** @returns the one shared failure value for `why` */
export function failed(why: ParseFailure): Failed {
  let failure = failures.get(why);
  if (failure === undefined) {
    failure = Object.freeze({ ok: false, why });
    failures.set(why, failure);
  }
  return failure;
}

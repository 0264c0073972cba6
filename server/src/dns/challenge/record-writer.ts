/** A TXT record that answers dns-01 (RFC 8555 §8.4). */
export interface ChallengeRecord {
  /** Where the record goes, behind all CNAMEs; lower case, no trailing dot. */
  readonly name: string;
  readonly value: string;
}

/** Writes challenge records into somebody's DNS. Other records of the same name stay: two orders may go on at once. */
export interface RecordWriter {
  /** @throws ChallengeProblem */
  add(record: ChallengeRecord): Promise<void>;
  /** Removing what is not there is fine. @throws ChallengeProblem */
  remove(record: ChallengeRecord): Promise<void>;
}

/** One @ with something on both sides; whether mail arrives is not what this can know. RFC 5321 §4.5.3.1: 254 octets. */
export function isEmailAddress(text: string): boolean {
  return text.length <= 254 && /^[^\s@<>]+@[^\s@<>]+$/.test(text);
}

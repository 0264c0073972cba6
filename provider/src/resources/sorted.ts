/** The elements of a planned set as a request's list, always in the same order. Nothing configured is an empty list. */
export function sorted(set: unknown): string[] {
  return Array.isArray(set) ? [...(set as string[])].sort() : [];
}

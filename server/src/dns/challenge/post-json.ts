import { ChallengeProblem } from "./challenge-problem.ts";

const TIMEOUT_MS = 30_000;

/**
 * Sends JSON and wants a 2xx. What comes back is not repeated anywhere: users choose the address, and the answer may be
 * none of their business.
 *
 * @throws ChallengeProblem
 */
export async function postJson(url: string, headers: Record<string, string>, body: object): Promise<void> {
  const { host } = new URL(url);
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
      // A redirect would carry the credentials elsewhere.
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
  } catch (error) {
    const { cause, message } = error as Error & { cause?: Error };
    throw new ChallengeProblem(
      "certificate.dns_provider_unreachable",
      `${host} does not answer: ${cause?.message || message}`,
      { cause: error },
    );
  }
  if (response.ok) return;
  const temporary = response.status >= 500 || response.status === 429;
  throw new ChallengeProblem(
    temporary ? "certificate.dns_provider_unreachable" : "certificate.dns_refused",
    `${host} answers the request for the record with status ${response.status}`,
  );
}

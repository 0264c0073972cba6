import { createContext, useContext } from "react";
import type { Api } from "./client.ts";

/** What pages change things with; they read through SWR, which uses it too. */
export const ApiContext = createContext<Api | undefined>(undefined);

/** @throws outside of a signed-in page */
export function useApi(): Api {
  const api = useContext(ApiContext);
  if (api === undefined) throw new Error("nobody is signed in here");
  return api;
}

import type { IncomingMessage, ServerResponse } from "node:http";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { Actor } from "../commands/context.ts";
import type { Module, Operation } from "../domain/permissions.ts";
import type { User } from "../store/users.ts";

export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** Who sent a request. */
export interface Caller {
  user: User;
  actor: Actor;
  /** Of the personal access token, when it was one. */
  tokenHash?: string;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Set on every route that is not public. */
    caller: Caller;
  }
  interface FastifyContextConfig {
    /** Answers without a token. */
    public?: boolean;
    /** Checked after the body's shape and before the handler. */
    permission?: readonly [Module, Operation];
    /** null in the body means something: "take it away". */
    keepNulls?: boolean;
    /** Code of the error when the body breaks a rule of its schema other than a type. */
    invalidCode?: import("@netbird-proxy/proto").ErrorCode;
  }
}

import { type AccountId, AppError } from "@netbird-proxy/proto";
import {
  DryRunQuery,
  EmptyObject,
  Group,
  GroupListQuery,
  GroupRequest,
  IdParams,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { createGroup, removeGroup, requireGroup, updateGroup } from "../../commands/groups.ts";
import { findGroupByName, listGroups } from "../../store/groups.ts";
import { listPeers, type Peer } from "../../store/peers.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewGroup } from "../views/group.ts";
import { answers } from "./responses.ts";

export function registerGroupRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["groups"];
  const { db } = context.store;
  const peersOf = async (account: AccountId): Promise<ReadonlyMap<string, Peer>> =>
    new Map((await listPeers(db, account)).map((peer) => [peer.id, peer]));
  const draftOf = ({ name, peers = [], resources = [] }: GroupRequest) => ({ name, peers, resources });

  app.get(
    "/api/groups",
    {
      config: { permission: ["groups", "read"] },
      schema: { tags, querystring: GroupListQuery, response: answers(Type.Array(Group)) },
    },
    async (request): Promise<Group[]> => {
      const { account } = request.caller.actor;
      const { name } = request.query;
      const peers = await peersOf(account);
      if (name === undefined) return (await listGroups(db, account)).map((group) => viewGroup(group, peers));
      const group = await findGroupByName(db, account, name);
      if (!group) throw new AppError("group.not_found", `group ${name} not found`);
      return [viewGroup(group, peers)];
    },
  );

  app.get(
    "/api/groups/:id",
    {
      config: { permission: ["groups", "read"] },
      schema: { tags, params: IdParams, response: answers(Group) },
    },
    async (request): Promise<Group> => {
      const { account } = request.caller.actor;
      return viewGroup(await requireGroup(db, account, request.params.id), await peersOf(account));
    },
  );

  app.post(
    "/api/groups",
    {
      config: { permission: ["groups", "create"], invalidCode: "group.invalid" },
      schema: { tags, querystring: DryRunQuery, body: GroupRequest, response: answers(Group) },
    },
    async (request): Promise<Group> => {
      const { actor } = request.caller;
      const dryRun = isDryRun(request.query);
      const group = await createGroup(context, actor, draftOf(request.body), { dryRun });
      return viewGroup(group, await peersOf(actor.account));
    },
  );

  app.put(
    "/api/groups/:id",
    {
      config: { permission: ["groups", "update"], invalidCode: "group.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: GroupRequest,
        response: answers(Group),
      },
    },
    async (request): Promise<Group> => {
      const { actor } = request.caller;
      const dryRun = isDryRun(request.query);
      const group = await updateGroup(context, actor, request.params.id, draftOf(request.body), { dryRun });
      return viewGroup(group, await peersOf(actor.account));
    },
  );

  app.delete(
    "/api/groups/:id",
    {
      config: { permission: ["groups", "delete"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      await removeGroup(context, request.caller.actor, request.params.id, {
        dryRun: isDryRun(request.query),
      });
      return {};
    },
  );
}

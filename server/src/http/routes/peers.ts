import type { AccountId } from "@netbird-proxy/proto";
import {
  DryRunQuery,
  EmptyObject,
  IdParams,
  Peer,
  PeerCreated,
  PeerListItem,
  PeerListQuery,
  PeerRequest,
  PeerUpdate,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { changePeer, registerDevice, removePeer, requirePeer } from "../../commands/peers.ts";
import { isAllowed, requirePermission } from "../../domain/permissions.ts";
import { getAccount } from "../../store/accounts.ts";
import { listGroups } from "../../store/groups.ts";
import {
  listPeers,
  listProxyPeers,
  PRESHARED_KEY_PURPOSE,
  type Peer as StoredPeer,
} from "../../store/peers.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewPeer } from "../views/peer.ts";
import { wireguardConfig } from "../views/wireguard-config.ts";
import { answers } from "./responses.ts";

export function registerPeerRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["peers"];
  const { db, secrets } = context.store;
  const viewAll = async (account: AccountId, peers: readonly StoredPeer[]): Promise<Peer[]> => {
    const row = await getAccount(db, account);
    const groups = await listGroups(db, account);
    return peers.map((peer) => viewPeer(peer, row!, groups, context.nowMs()));
  };
  const configOf = async (peer: StoredPeer, privateKey?: string): Promise<string> =>
    wireguardConfig(peer, await listProxyPeers(db, peer.accountId), {
      privateKey,
      presharedKey:
        peer.presharedKey === null ? undefined : secrets.open(peer.presharedKey, PRESHARED_KEY_PURPOSE),
    });

  app.get(
    "/api/peers",
    { schema: { tags, querystring: PeerListQuery, response: answers(Type.Array(PeerListItem)) } },
    async (request): Promise<PeerListItem[]> => {
      const { user, actor } = request.caller;
      // Peers have no owners here, so whoever may not read them all has none of their own to see.
      if (!isAllowed(user, "peers", "read") && !user.isBlocked) return [];
      requirePermission(user, "peers", "read");
      const { name = "", ip = "" } = request.query;
      const peers = (await listPeers(db, actor.account)).filter(
        (peer) => peer.kind !== "proxy" && peer.name.includes(name) && peer.ip.includes(ip),
      );
      return (await viewAll(actor.account, peers)).map((peer) => ({ ...peer, accessible_peers_count: 0 }));
    },
  );

  // Peers talk to proxies and to nobody else, and those are no peers of this API.
  app.get(
    "/api/peers/:id/accessible-peers",
    {
      config: { permission: ["peers", "read"] },
      schema: { tags, params: IdParams, response: answers(Type.Array(Peer)) },
    },
    async (request): Promise<Peer[]> => {
      await requirePeer(db, request.caller.actor.account, request.params.id);
      return [];
    },
  );

  app.get(
    "/api/peers/:id",
    {
      config: { permission: ["peers", "read"] },
      schema: { tags, params: IdParams, response: answers(Peer) },
    },
    async (request): Promise<Peer> => {
      const { account } = request.caller.actor;
      return (await viewAll(account, [await requirePeer(db, account, request.params.id)]))[0]!;
    },
  );

  app.get(
    "/api/peers/:id/wireguard-config",
    {
      config: { permission: ["peers", "read"] },
      schema: {
        tags,
        params: IdParams,
        response: {
          200: { description: "A wg-quick file", content: { "text/plain": { schema: Type.String() } } },
        },
      },
    },
    async (request, reply) => {
      const peer = await requirePeer(db, request.caller.actor.account, request.params.id);
      return reply
        .header("content-type", "text/plain; charset=utf-8")
        .header("Cache-Control", "no-store")
        .serializer((text: unknown) => String(text))
        .send(await configOf(peer));
    },
  );

  app.post(
    "/api/peers",
    {
      config: { permission: ["peers", "create"], invalidCode: "peer.invalid" },
      schema: { tags, querystring: DryRunQuery, body: PeerRequest, response: answers(PeerCreated) },
    },
    async (request, reply): Promise<PeerCreated> => {
      const { actor } = request.caller;
      const {
        name,
        public_key: publicKey,
        groups = [],
        preshared_key: withPresharedKey = false,
      } = request.body;
      const { peer, privateKey } = await registerDevice(
        context,
        actor,
        { name, publicKey, groups, withPresharedKey },
        { dryRun: isDryRun(request.query) },
      );
      reply.header("Cache-Control", "no-store");
      return {
        ...(await viewAll(actor.account, [peer]))[0]!,
        ...(privateKey === undefined ? {} : { private_key: privateKey }),
        wireguard_config: await configOf(peer, privateKey),
      };
    },
  );

  app.put(
    "/api/peers/:id",
    {
      config: { permission: ["peers", "update"], invalidCode: "peer.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: PeerUpdate,
        response: answers(Peer),
      },
    },
    async (request): Promise<Peer> => {
      const { actor } = request.caller;
      const { body } = request;
      const peer = await changePeer(
        context,
        actor,
        request.params.id,
        {
          name: body.name,
          sshEnabled: body.ssh_enabled,
          loginExpirationEnabled: body.login_expiration_enabled,
          inactivityExpirationEnabled: body.inactivity_expiration_enabled,
          ip: body.ip,
          ipv6: body.ipv6,
        },
        { dryRun: isDryRun(request.query) },
      );
      return (await viewAll(actor.account, [peer]))[0]!;
    },
  );

  app.delete(
    "/api/peers/:id",
    {
      config: { permission: ["peers", "delete"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      await removePeer(context, request.caller.actor, request.params.id, { dryRun: isDryRun(request.query) });
      return {};
    },
  );
}

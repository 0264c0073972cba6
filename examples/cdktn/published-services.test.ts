import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Testing } from "cdktn";
import { CustomDomain } from "./.gen/providers/netbird/custom-domain";
import { Group } from "./.gen/providers/netbird/group";
import { NetworkResource } from "./.gen/providers/netbird/network-resource";
import { NetworkRouter } from "./.gen/providers/netbird/network-router";
import { ProxyService } from "./.gen/providers/netbird/proxy-service";
import { type Published, PublishedServices } from "./published-services";
import { services } from "./services";

function stackOf(published: Published[]): PublishedServices {
  return new PublishedServices(Testing.app(), "published", {
    cluster: "proxy.example.test",
    customDomain: "apps.example.org",
    peer: "web",
    services: published,
  });
}

const synth = (...published: Published[]) => Testing.synth(stackOf(published), true);
const peerId = "$" + "{data.netbird_peer.peer.id}";

suite("published services", () => {
  test("every entry of the list becomes a service of that name", () => {
    const { resource } = JSON.parse(synth(...services)) as {
      resource: { netbird_proxy_service: Record<string, { name: string }> };
    };
    const names = Object.values(resource.netbird_proxy_service).map(({ name }) => name);
    assert.deepEqual(names.sort(), services.map(({ name }) => name).sort());
  });

  test("a service on the peer goes to the peer, path by path", () => {
    const synthesized = synth({ name: "shop", port: 3000, paths: { "/api": 3001 }, visitors: "everyone" });
    assert.ok(
      Testing.toHaveResourceWithProperties(synthesized, ProxyService.tfResourceType, {
        domain: "shop.proxy.example.test",
        public: true,
        wait_for_live: true,
        targets: {
          "/": { target_type: "peer", target_id: peerId, port: 3000 },
          "/api": { target_type: "peer", target_id: peerId, port: 3001 },
        },
      }),
      synthesized,
    );
    assert.ok(!Testing.toHaveResource(synthesized, NetworkRouter.tfResourceType));
  });

  test("only who says everyone is open to everyone", () => {
    const synthesized = synth({ name: "wiki", port: 8080, visitors: { groups: ["staff"] } });
    assert.ok(
      !Testing.toHaveResourceWithProperties(synthesized, ProxyService.tfResourceType, { public: true }),
    );
    assert.ok(
      Testing.toHaveResourceWithProperties(synthesized, ProxyService.tfResourceType, {
        auth: { sso: { groups: ["$" + "{netbird_group.group-staff.id}"] } },
      }),
      synthesized,
    );
  });

  test("a group that two services name exists once", () => {
    const { resource } = JSON.parse(
      synth(
        { name: "wiki", port: 8080, visitors: { groups: ["staff"] } },
        { name: "metrics", port: 9090, visitors: { groups: ["staff", "operators"] } },
      ),
    );
    assert.deepEqual(Object.keys(resource[Group.tfResourceType]), ["group-operators", "group-staff"]);
  });

  test("an address behind the peer is reached through a network, and only after its router exists", () => {
    const synthesized = synth({
      name: "printer",
      port: 80,
      at: "10.1.2.3",
      visitors: { networks: ["192.0.2.0/24"] },
    });
    assert.ok(
      Testing.toHaveResourceWithProperties(synthesized, NetworkResource.tfResourceType, {
        address: "10.1.2.3",
      }),
    );
    assert.ok(
      Testing.toHaveResourceWithProperties(synthesized, NetworkRouter.tfResourceType, { peer: peerId }),
    );
    assert.ok(
      Testing.toHaveResourceWithProperties(synthesized, ProxyService.tfResourceType, {
        depends_on: ["netbird_network_router.router"],
        access_restrictions: { allowed_cidrs: ["192.0.2.0/24"] },
      }),
      synthesized,
    );
  });

  test("the custom domain is registered once somebody uses it, and such a service is not waited for", () => {
    const without = synth({ name: "shop", port: 3000, visitors: "everyone" });
    assert.ok(!Testing.toHaveResource(without, CustomDomain.tfResourceType));
    const synthesized = synth({ name: "status", port: 8081, visitors: "everyone", customDomain: true });
    assert.ok(
      Testing.toHaveResourceWithProperties(synthesized, CustomDomain.tfResourceType, {
        domain: "apps.example.org",
        target_cluster: "proxy.example.test",
      }),
    );
    assert.ok(
      Testing.toHaveResourceWithProperties(synthesized, ProxyService.tfResourceType, {
        domain: "status.$" + "{netbird_custom_domain.custom-domain.domain}",
        wait_for_live: false,
      }),
      synthesized,
    );
  });

  test("terraform finds what is synthesized valid", () => {
    assert.ok(Testing.toBeValidTerraform(Testing.fullSynth(stackOf(services))));
  });
});

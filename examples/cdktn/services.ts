import type { Published } from "./published-services";

/** What is published. One line per name is all that a new service takes. */
export const services: Published[] = [
  { name: "shop", port: 3000, paths: { "/api": 3001 }, visitors: "everyone" },
  { name: "wiki", port: 8080, visitors: { groups: ["staff"] } },
  { name: "metrics", port: 9090, visitors: { groups: ["staff", "operators"] } },
  { name: "printer", port: 80, at: "10.1.2.3", visitors: { networks: ["192.0.2.0/24"] } },
  { name: "status", port: 8081, visitors: "everyone", customDomain: true },
];

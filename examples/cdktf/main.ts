import { App } from "cdktf";
import { PublishedServices } from "./published-services";
import { services } from "./services";

const {
  PROXY_CLUSTER: cluster = "proxy.example.test",
  CUSTOM_DOMAIN: customDomain = "apps.example.org",
  PEER: peer = "web",
} = process.env;

const app = new App();
new PublishedServices(app, "published-services", { cluster, customDomain, peer, services });
app.synth();

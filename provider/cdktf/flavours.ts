/** The CDK that HashiCorp archived, and its successor by the community. Their bindings differ in what they import. */
export const flavours = {
  cdktf: {
    packageName: "@netbird-proxy/cdktf-provider-netbird",
    generator: "@cdktf/provider-generator",
    peerDependencies: { cdktf: "^0.21.0", constructs: "^10.4.2" },
  },
  cdktn: {
    packageName: "@netbird-proxy/cdktn-provider-netbird",
    generator: "@cdktn/provider-generator",
    peerDependencies: { cdktn: "^0.24.0", constructs: "^10.6.0" },
  },
} as const;

export type Flavour = keyof typeof flavours;

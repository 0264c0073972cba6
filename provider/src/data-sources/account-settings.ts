import type { DataSource } from "../framework/resource.ts";
import type { Attributes } from "../framework/schema.ts";
import { accountSettingsAttributes, onlyAccount, toldSettings } from "../resources/account-settings.ts";
import type { Walk } from "../resources/walk.ts";
import { shownAttributes } from "./shown-attributes.ts";

export const accountSettingsData: DataSource<Attributes, Walk> = {
  typeName: "netbird_account_settings",
  schema: {
    version: 0,
    description: "Settings of the account that the provider's token belongs to.",
    attributes: shownAttributes(accountSettingsAttributes, { selectors: [], parents: [] }),
  },
  read: async ({ client, signal }) => toldSettings(await onlyAccount(client, signal)),
};

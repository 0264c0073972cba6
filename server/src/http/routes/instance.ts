import { AppError } from "@netbird-proxy/proto";
import { features, Instance, InstanceVersion, SetupRequest, SetupResponse } from "@netbird-proxy/proto/rest";
import { isSetupRequired, setUp } from "../../commands/set-up.ts";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";
import { answers } from "./responses.ts";

export function registerInstanceRoutes(app: App, ports: HttpPorts): void {
  const { context, identity } = ports;

  app.get(
    "/api/instance",
    { config: { public: true }, schema: { tags: ["instance"], security: [], response: answers(Instance) } },
    async (): Promise<Instance> => ({
      // With an external provider the first one to sign in makes the account.
      setup_required: identity.embedded !== undefined && (await isSetupRequired(context)),
      version: ports.version,
      features: [...features],
    }),
  );

  // Nobody is asked for newer versions, so none is ever available.
  app.get(
    "/api/instance/version",
    { schema: { tags: ["instance"], response: answers(InstanceVersion) } },
    async (): Promise<InstanceVersion> => ({
      management_current_version: ports.version,
      management_update_available: false,
    }),
  );

  app.post(
    "/api/setup",
    {
      config: { public: true },
      schema: { tags: ["instance"], security: [], body: SetupRequest, response: answers(SetupResponse) },
    },
    async (request, reply): Promise<SetupResponse> => {
      const { email, name, password, create_pat: wantsToken, pat_expire_in: days } = request.body;
      reply.header("Cache-Control", "no-store");
      if (!identity.embedded) {
        throw new AppError("setup.external_provider", "people sign in at an external identity provider");
      }
      const tokenDays = wantsToken && ports.setupTokenEnabled ? (days ?? 1) : undefined;
      const made = await setUp(context, { email, name, password, tokenDays });
      return {
        user_id: made.userId,
        email: made.email,
        ...(made.personalAccessToken === undefined
          ? {}
          : { personal_access_token: made.personalAccessToken }),
      };
    },
  );
}

import { objectOf } from "../convert/value.ts";
import { ArgumentError, type ProviderFunction } from "../framework/provider-function.ts";

export const parseId: ProviderFunction = {
  name: "parse_id",
  summary: "Takes a composite id apart.",
  description:
    "Objects that live inside others are imported by `<parent>/<id>`: resources and routers of a network, tokens of a user, targets of a service. This gives both parts; `parent` is null where there is none.",
  parameters: [{ name: "id", type: "string", description: "`<id>` or `<parent>/<id>`." }],
  returns: ["object", { parent: "string", id: "string" }],
  call(given) {
    const text = given as string;
    const at = text.indexOf("/");
    const parent = at < 0 ? null : text.slice(0, at);
    const id = text.slice(at + 1);
    if (id === "" || parent === "" || id.includes("/"))
      throw new ArgumentError(0, `"${text}" is neither <id> nor <parent>/<id>`);
    return objectOf([
      ["parent", parent],
      ["id", id],
    ]);
  },
};

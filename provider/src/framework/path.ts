/** One step into a value: an attribute's name, a list index, or a map key. */
export type Step = string | number | { readonly key: string };

/** Where in a resource something is; empty for the resource as a whole. */
export type Path = readonly Step[];

/** The path as HCL writes it: `targets["/api"].port`. */
export function pathText(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (typeof step === "object") text += `[${JSON.stringify(step.key)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/**
 * The part of the path that Terraform can point at. Inside a nested attribute it shows the header of the resource, or
 * a top-level attribute that happens to have the same name, so we stop after the first index or key.
 */
export function pointablePath(path: Path): Path {
  if (path.length <= 1) return path;
  return typeof path[1] === "string" ? path.slice(0, 1) : path.slice(0, 2);
}

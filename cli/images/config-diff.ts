/** In what two image configurations differ: one row a value, maps and environments by their names. Pure. */
import type { ImageConfig } from "../../store/oci.ts";

export interface ConfigChange {
  /** `Env PATH`, `Labels a`, `Cmd`, `architecture`… */
  readonly field: string;
  /** Undefined: not there. */
  readonly before?: unknown;
  readonly after?: unknown;
}

export function configChanges(before: ImageConfig, after: ImageConfig): readonly ConfigChange[] {
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((field): ConfigChange[] => {
    const [a, b] = [old.get(field), now.get(field)];
    if (JSON.stringify(a) === JSON.stringify(b)) return [];
    return [{ field, ...(a === undefined ? {} : { before: a }), ...(b === undefined ? {} : { after: b }) }];
  });
}

/** Layers and their history are compared elsewhere. */
const ELSEWHERE: ReadonlySet<string> = new Set(["rootfs", "history", "config"]);

function fieldsOf(image: ImageConfig): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>(Object.entries(image).filter(([name]) => !ELSEWHERE.has(name)));
  for (const [name, value] of Object.entries(image.config ?? {})) {
    if (value === null || value === undefined) continue;
    if (name === "Env") for (const variable of value as readonly string[]) fields.set(`Env ${nameOf(variable)}`, variable.slice(nameOf(variable).length + 1));
    else if (typeof value !== "object" || Array.isArray(value)) fields.set(name, value);
    else for (const [key, item] of Object.entries(value)) fields.set(`${name} ${key}`, item);
  }
  return fields;
}

function nameOf(variable: string): string {
  return variable.split("=", 1)[0] ?? "";
}

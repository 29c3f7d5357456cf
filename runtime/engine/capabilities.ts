/** --cap-add and --cap-drop on top of a default set: `ALL` on either side, names with or without CAP_. */
import { RuntimeError } from "../errors.ts";

/** @throws {RuntimeError} `SPEC_INVALID` */
export function grantedCapabilities(
  all: readonly string[],
  defaults: readonly string[],
  flags: { readonly add: readonly string[]; readonly drop: readonly string[]; readonly privileged: boolean },
): readonly string[] {
  if (flags.privileged) return all;
  const add = flags.add.map((name) => known(all, name));
  const drop = flags.drop.map((name) => known(all, name));
  const basis = add.includes("ALL") ? all : drop.includes("ALL") ? [] : defaults;
  const kept = drop.includes("ALL") ? basis.filter(() => add.includes("ALL")) : basis.filter((name) => !drop.includes(name));
  const added = add.filter((name) => name !== "ALL" && !kept.includes(name) && !(drop.includes(name) && add.includes("ALL")));
  return [...kept, ...added];
}

function known(all: readonly string[], name: string): string {
  const upper = name.toUpperCase();
  if (upper === "ALL") return "ALL";
  const full = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!all.includes(full)) throw new RuntimeError("SPEC_INVALID", `Cannot add or drop the capability ${JSON.stringify(name)}: there is none of that name`);
  return full;
}

/** The version of this program, as its package names it. */
import { readFileSync } from "node:fs";

export function version(): string {
  const { version: found } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { readonly version: string };
  return found;
}

/** Images of a small web server's programs: the same content by several versions, for what rolls. */
import { strataOutput } from "../support/cli.ts";
import type { TemporaryRoot } from "../support/root.ts";

export async function makeWebImages(root: TemporaryRoot, ...versions: readonly string[]): Promise<void> {
  for (const version of versions)
    await strataOutput(root, "base", "create", `local/web:${version}`, "--bin", "sh,cat,echo,sleep,node,id", "--user", "app:1000");
}

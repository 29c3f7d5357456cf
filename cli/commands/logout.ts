/** strata logout: forgets the credentials of a registry. */
import { Command } from "commander";
import { dockerConfigPath, forgetLogin } from "../../registry/client/auth-files.ts";
import type { Context } from "../context.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Log out from a registry")
    .argument("[host]", "registry", "docker.io")
    .action(async (host: string) => {
      const was = await forgetLogin(host, context.env);
      context.stdout.write(was ? `Removing login credentials for ${host}\n` : `Not logged in to ${host}\n`);
      if (was) context.stderr.write(`Removed from ${dockerConfigPath(context.env)}\n`);
    });
}

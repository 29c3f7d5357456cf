/** strata logout: forgets the credentials of a registry. */
import { Command } from "commander";
import { forgetLogin, writtenPath } from "../../registry/client/auth-files.ts";
import type { Context } from "../context.ts";
import { loginHost } from "../registry/remote-name.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Log out from a registry")
    .argument("[host]", "registry", "docker.io")
    .option("--authfile <file>", "where logins are kept, instead of docker's file")
    .action(async (name: string, { authfile }: { readonly authfile?: string }) => {
      const host = loginHost(name, "log out from");
      const env = authfile === undefined ? context.env : { ...context.env, REGISTRY_AUTH_FILE: authfile };
      const was = await forgetLogin(host, env);
      context.stdout.write(was ? `Removing login credentials for ${host}\n` : `Not logged in to ${host}\n`);
      if (was) context.stderr.write(`Removed from ${writtenPath(env)}\n`);
    });
}

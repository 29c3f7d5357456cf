/** strata network connect, disconnect and check. */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import { forEach } from "../containers/each.ts";
import { refuseFlags } from "../containers/refused-flags.ts";
import type { Context } from "../context.ts";
import { collect } from "../collect.ts";

interface ConnectFlags {
  readonly alias: readonly string[];
  readonly ip?: string;
  readonly ip6?: string;
}

export function connectCommand(context: Context): Command {
  const command = refuseFlags(new Command("connect"), {
    "--driver-opt <key=value>": "bridges have no options for single containers",
    "--link <container>": "links are docker's past; containers on one network find each other by name",
    "--link-local-ip <address>": "links get no second address",
  });
  return command
    .description("Connect a container to a network, also while it runs")
    .option("--alias <name>", "a further name on that network", collect, [] as readonly string[])
    .option("--ip <address>", "its IPv4 address there")
    .option("--ip6 <address>", "its IPv6 address there")
    .argument("<network>")
    .argument("<container>")
    .action(async (network: string, container: string, { alias, ip, ip6 }: ConnectFlags) => {
      const engine = await context.engine();
      await engine.connectNetwork(container, {
        network: await nameOf(context, network),
        ...(alias.length > 0 && { aliases: alias }),
        ...(ip !== undefined && { ip }),
        ...(ip6 !== undefined && { ip6 }),
      });
    });
}

export function disconnectCommand(context: Context): Command {
  return new Command("disconnect")
    .description("Disconnect a container from a network, also while it runs")
    .option("-f, --force", "no error when it is not on it")
    .argument("<network>")
    .argument("<container>")
    .action(async (network: string, container: string, { force = false }: { readonly force?: boolean }) => {
      const engine = await context.engine();
      try {
        await engine.disconnectNetwork(container, await nameOf(context, network));
      } catch (error) {
        if (!(force && error instanceof RuntimeError && ["CONTAINER_STATE", "CONTAINER_UNKNOWN", "NETWORK_UNKNOWN"].includes(error.code))) throw error;
      }
    });
}

/** Of what CNI plugins made. */
export function checkCommand(context: Context): Command {
  return new Command("check")
    .description("Ask CNI plugins whether containers' networks are as they made them")
    .argument("<container...>")
    .action(async (names: readonly string[]) => {
      const engine = await context.engine();
      await forEach(context, names, async (name) => await engine.checkNetwork(name));
    });
}

async function nameOf(context: Context, reference: string): Promise<string> {
  const found = await (await context.engine()).networks.get(reference);
  if (found === undefined) throw new RuntimeError("NETWORK_UNKNOWN", `network ${reference} not found`);
  return found.name;
}

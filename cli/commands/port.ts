/** strata port CONTAINER [PORT]: where its ports are on the host. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { hostOf } from "../containers/port-flags.ts";
import { ExitError } from "../errors.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Show published ports")
    .argument("<container>")
    .argument("[port]", "80 or 80/tcp")
    .action(async (name: string, wanted: string | undefined) => {
      const engine = await context.engine();
      const { record, status } = await engine.get(name);
      const isUp = status.status === "running" || status.status === "paused";
      const key = wanted === undefined || wanted.includes("/") ? wanted : `${wanted}/tcp`;
      const ports = (isUp ? record.network.ports : []).filter((port) => key === undefined || `${port.containerPort}/${port.protocol}` === key);
      if (key !== undefined && ports.length === 0) throw new ExitError(1, `No public port '${key}' published for ${name}`);
      const lines = ports.map((port) => `${key === undefined ? `${port.containerPort}/${port.protocol} -> ` : ""}${hostOf(port)}:${port.hostPort}\n`);
      context.stdout.write(lines.join(""));
    });
}

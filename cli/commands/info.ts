/** strata info: this machine and this root, with docker's field names. */
import { readFileSync } from "node:fs";
import { availableParallelism, hostname, release, totalmem } from "node:os";
import { Command } from "commander";
import { rootTag } from "../../runtime/engine/identity.ts";
import { runsModule } from "../../runtime/process/labels.ts";
import { cgroupVersion } from "../containers/cgroup-version.ts";
import { formatBinary } from "../containers/sizes.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { renderStrict } from "../render-strict.ts";
import { version } from "../version.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Show what this machine and this root are")
    .option("-f, --format <template>", "json or a Go template")
    .addOption(jsonOutput())
    .action(async ({ format, output }: { readonly format?: string; readonly output?: string }) => {
      const facts = await gather(context);
      const wanted = format ?? output;
      if (wanted === "json") context.stdout.write(`${JSON.stringify(facts)}\n`);
      else if (wanted !== undefined) context.stdout.write(`${await renderStrict(wanted, facts)}\n`);
      else context.stdout.write(text(facts));
    });
}

type Facts = Awaited<ReturnType<typeof gather>>;

async function gather(context: Context) {
  const [store, engine] = [await context.store(), await context.engine()];
  const containers = await engine.list();
  const count = (...names: readonly string[]): number => containers.filter(({ status }) => names.includes(status.status)).length;
  const images = new Set((await store.images.list()).map(({ target }) => target.digest));
  return {
    ID: rootTag(store.root),
    Containers: containers.length,
    ContainersRunning: count("running", "restarting"),
    ContainersPaused: count("paused"),
    ContainersStopped: containers.length - count("running", "restarting", "paused"),
    Images: images.size,
    ServerVersion: version(),
    Driver: "overlay2",
    LoggingDriver: "json-file",
    CgroupDriver: "cgroupfs",
    CgroupVersion: cgroupVersion(),
    Plugins: { Volume: ["local"], Network: ["bridge", "cni", "host", "null"], Log: ["json-file", "k8s-file", "none"] },
    DefaultRuntime: "strata",
    Runtimes: { strata: { path: "strata-runtime" } },
    SecurityOptions: [...(runsModule("apparmor") ? ["name=apparmor"] : []), "name=seccomp,profile=default"],
    KernelVersion: release(),
    OperatingSystem: operatingSystem(),
    OSType: "linux",
    Architecture: process.arch === "x64" ? "x86_64" : process.arch === "arm64" ? "aarch64" : process.arch,
    NCPU: availableParallelism(),
    MemTotal: totalmem(),
    Name: hostname(),
    DockerRootDir: store.root,
    RunRoot: context.runRoot,
    Rootless: process.getuid?.() !== 0,
    SystemTime: new Date().toISOString(),
  };
}

function operatingSystem(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "Linux";
  } catch {
    return "Linux";
  }
}

function text(facts: Facts): string {
  const lines = [
    `Containers: ${facts.Containers}`,
    ` Running: ${facts.ContainersRunning}`,
    ` Paused: ${facts.ContainersPaused}`,
    ` Stopped: ${facts.ContainersStopped}`,
    `Images: ${facts.Images}`,
    `Server Version: ${facts.ServerVersion}`,
    `Storage Driver: ${facts.Driver}`,
    `Logging Driver: ${facts.LoggingDriver}`,
    `Cgroup Driver: ${facts.CgroupDriver}`,
    `Cgroup Version: ${facts.CgroupVersion}`,
    "Plugins:",
    ...Object.entries(facts.Plugins).map(([name, all]) => ` ${name}: ${all.join(" ")}`),
    `Default Runtime: ${facts.DefaultRuntime}`,
    "Security Options:",
    ...facts.SecurityOptions.map((option) => ` ${option}`),
    `Kernel Version: ${facts.KernelVersion}`,
    `Operating System: ${facts.OperatingSystem}`,
    `OSType: ${facts.OSType}`,
    `Architecture: ${facts.Architecture}`,
    `CPUs: ${facts.NCPU}`,
    `Total Memory: ${formatBinary(facts.MemTotal)}`,
    `Name: ${facts.Name}`,
    `ID: ${facts.ID}`,
    `Root Dir: ${facts.DockerRootDir}`,
    `Run Dir: ${facts.RunRoot}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Runs in the machine as an ordinary user: `given` in a group below one that root has given them, `outside` in root's own. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { DEFAULT_MOUNTS } from "../../runtime/defaults.ts";
import { openProcesses } from "../../runtime/open-processes.ts";
import type { CreateRequest } from "../../runtime/process.ts";
import type { Resources } from "../../runtime/spec.ts";
import { say } from "./say.ts";

const MIB = 1 << 20;
const [, , place = ""] = process.argv;
const home = `/tmp/user-${place}`;
const warnings: string[] = [];
mkdirSync(home);
const processes = await openProcesses({
  runRoot: home,
  helper: "/strata/build/Release/strata-helper",
  dropLimits: true,
  warn: (text) => warnings.push(text),
});

function request(id: string, script: string, resources: Resources): CreateRequest {
  const own = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
  const wanted = DEFAULT_MOUNTS.filter(({ type }) => type === "proc" || type === "tmpfs");
  return {
    id,
    stdio: { kind: "monitor", stdin: false },
    spec: {
      ociVersion: "1.2.0",
      root: { path: "/tmp/rootfs" },
      mounts: wanted.filter(({ destination }) => !destination.startsWith("/dev/")),
      process: { user: { uid: 0, gid: 0 }, args: ["sh", "-c", script], env: ["PATH=/bin"], cwd: "/" },
      linux: {
        namespaces: (["pid", "mount", "uts", "ipc", "network", "cgroup", "user"] as const).map((type) => ({ type })),
        uidMappings: own(process.getuid?.() ?? 0),
        gidMappings: own(process.getgid?.() ?? 0),
        resources,
      },
    },
  };
}

async function given(): Promise<void> {
  const folder = "/sys/fs/cgroup/user/strata/held";
  const file = (name: string): string => readFileSync(`${folder}/${name}`, "utf8").trim();
  await processes.run(request("held", "sleep 1000", { memory: { limit: 64 * MIB }, pids: { limit: 9 } }));
  say("a user's limits in a group that root gave them", `${64 * MIB} 9`, `${file("memory.max")} ${file("pids.max")}`);
  await processes.update("held", { memory: { limit: 32 * MIB } });
  say("updated", String(32 * MIB), file("memory.max"));
  await processes.pause("held");
  say("frozen", "frozen 1", /frozen \d/.exec(file("cgroup.events"))?.[0] ?? "");
  await processes.resume("held");
  say("measured", `${32 * MIB} 1`, `${(await processes.usage("held")).memoryLimit} ${(await processes.usage("held")).pids}`);
  await processes.remove("held");
  say("its group after its end", "gone", existsSync(folder) ? "there" : "gone");
  const eaten = await processes.runOnce(request("eater", "tail /dev/zero", { memory: { limit: 16 * MIB, swap: 16 * MIB } }), { onOutput: () => undefined });
  say("a user's program that takes more than its 16 MiB", "killed, told as out of memory", eaten.oomKilled ? "killed, told as out of memory" : "no");
  say("warnings", "none", warnings.join(" ") || "none");
}

async function outside(): Promise<void> {
  const ended = await processes.runOnce(request("free", "exit 3", { memory: { limit: 64 * MIB } }), { onOutput: () => undefined });
  say("a user's limit where no group was given", "dropped, and said", /Limitation discarded/.test(warnings.join()) ? "dropped, and said" : warnings.join());
  say("the program then", "runs", ended.exitCode === 3 ? "runs" : String(ended.exitCode));
}

await (place === "given" ? given() : outside()).catch((error: unknown) =>
  say(`as a user: ${place}`, "no error", error instanceof Error ? error.message : String(error)),
);

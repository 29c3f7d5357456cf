/** Runs in the machine: limits that users give to `strata` and `strata-runtime`, read back from the files of the containers' groups. */
import { existsSync, readFileSync } from "node:fs";
import { ask, attempt, detach, groupFile, IMAGE, importImage, makeBundle, strata, strataRuntime } from "./programs.ts";
import { part, type Say } from "./say.ts";

const MIB = 1 << 20;
const LIMITS = ["--memory", "64m", "--memory-swap", "96m", "--memory-reservation", "32m", "--cpus", "0.5", "--cpu-shares", "2048", "--pids-limit", "20"];
let pid = "";

function run(say: Say): void {
  say("strata import", "an image", /^sha256:[0-9a-f]{64}$/.test(importImage()) ? "an image" : "none");
  const id = strata("run", "-d", "--name", "limited", ...LIMITS, "--cpuset-cpus", "1", IMAGE, "sh", "-c", "echo begun; exec sleep 1000");
  say("strata run -d", "64 hexadecimal digits", /^[0-9a-f]{64}$/.test(id) ? "64 hexadecimal digits" : id);
  pid = strata("inspect", "--format", "{{.State.Pid}}", "limited");
  say("--memory 64m", String(64 * MIB), groupFile(pid, "memory.max"));
  say("--memory-swap 96m", String(32 * MIB), groupFile(pid, "memory.swap.max"));
  say("--memory-reservation 32m", String(32 * MIB), groupFile(pid, "memory.low"));
  say("--cpus 0.5", "50000 100000", groupFile(pid, "cpu.max"));
  say("--cpu-shares 2048", "174", groupFile(pid, "cpu.weight"));
  say("--pids-limit 20", "20", groupFile(pid, "pids.max"));
  say("--cpuset-cpus 1", "1", groupFile(pid, "cpuset.cpus.effective"));
  say("logs", "begun", strata("logs", "limited"));
}

function seenInside(say: Say): void {
  const inside = (script: string): string => strata("exec", "limited", "sh", "-c", script);
  say("strata exec: its group", "0::/", inside("cat /proc/self/cgroup"));
  say("its limits, read inside", `${64 * MIB} 50000 100000 20`, inside("cd /sys/fs/cgroup; echo $(cat memory.max cpu.max pids.max)"));
  say("/proc/meminfo inside", "MemTotal: 65536 kB", inside("grep MemTotal /proc/meminfo").replaceAll(/\s+/g, " "));
  say("processors in /proc/cpuinfo inside", "1", inside("grep -c ^processor /proc/cpuinfo"));
  say("exit status of exec", "7", String(attempt("strata", "exec", "limited", "sh", "-c", "exit 7").status));
}

function change(say: Say): void {
  strata("update", "--memory", "128m", "--memory-swap", "128m", "--cpus", "0.25", "--pids-limit", "30", "--cpuset-cpus", "0-1", "limited");
  const files = ["memory.max", "memory.swap.max", "cpu.max", "pids.max", "cpuset.cpus.effective"].map((name) => groupFile(pid, name));
  say("strata update", `${128 * MIB} 0 25000 100000 30 0-1`, files.join(" "));
  say("inspect then", `${128 * MIB} 30`, strata("inspect", "--format", "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}", "limited"));
  const shown = strata("stats", "--no-stream", "--format", "{{.Name}}|{{.MemUsage}}|{{.PIDs}}|{{.CPUPerc}}", "limited");
  say("strata stats --no-stream", "limited, of 128MiB, 1 process", shown, /^limited\|[\d.]+[KM]iB \/ 128MiB\|1\|[\d.]+%$/.test(shown));
  say("strata top", "sleep 1000", /sleep 1000/.exec(strata("top", "limited"))?.[0] ?? "");
}

function freeze(say: Say): void {
  strata("pause", "limited");
  say("strata pause", "paused, frozen 1", state());
  const { status, said } = attempt("strata", "exec", "limited", "true");
  say("exec meanwhile", "1: is paused", `${String(status)}: ${/is paused/.exec(said)?.[0] ?? said}`);
  strata("unpause", "limited");
  say("strata unpause", "running, frozen 0", state());
}

function state(): string {
  const frozen = /frozen \d/.exec(groupFile(pid, "cgroup.events"))?.[0] ?? "";
  return `${strata("inspect", "--format", "{{.State.Status}}", "limited")}, ${frozen}`;
}

function outOfMemory(say: Say): void {
  const { status } = attempt("strata", "run", "--name", "eater", "--memory", "16m", "--memory-swap", "16m", IMAGE, "tail", "/dev/zero");
  const told = strata("inspect", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}}", "eater");
  say("a program that takes more than --memory: exit status, OOMKilled", "137: true 137", `${String(status)}: ${told}`);
  strata("run", "--name", "modest", "--memory", "16m", IMAGE, "sh", "-c", "exit 0");
  say("one that does not", "false 0", strata("inspect", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}}", "modest"));
  say(
    "its event",
    "oom",
    strata("events", "--since", "1h", "--until", "0s", "--filter", "container=eater", "--filter", "event=oom", "--format", "{{.Action}}"),
  );
}

function disks(say: Say): void {
  const number = readFileSync("/sys/block/vda/dev", "utf8").trim();
  strata("run", "-d", "--name", "slow", "--device-write-bps", "/dev/vda:1mb", "--device-read-iops", "/dev/vda:50", IMAGE, "sleep", "1000");
  const slow = strata("inspect", "--format", "{{.State.Pid}}", "slow");
  say("--device-write-bps, --device-read-iops", `${number} rbps=max wbps=${MIB} riops=50 wiops=max`, groupFile(slow, "io.max"));
  say("strata rm --force of all", "limited eater modest slow", strata("rm", "--force", "limited", "eater", "modest", "slow").replaceAll("\n", " "));
}

function ports(say: Say): void {
  const served = ["sh", "-c", "echo served > /data/file && exec httpd -f -p 80 -h /data"];
  strata("run", "-d", "--name", "web", "-p", "127.0.0.1:8080:80", IMAGE, ...served);
  strata("network", "create", "own");
  strata("network", "connect", "own", "web");
  say("a container by its name on a network of the user's", "served", ask("http://web/file", "own"));
  say("a published port on the machine's loopback", "served", ask("http://127.0.0.1:8080/file"));
  strata("rm", "--force", "web");
  strata("network", "rm", "own");
}

/** Layers shown with other ids, written to, and committed as they were. */
function mappedUsers(say: Say): void {
  const script = "id -u > /made; stat -c %u /made /bin/busybox; cat /proc/self/uid_map";
  const map = /^0 0 0 [1-9]\d+ \d+$/;
  const inside = strata("run", "--name", "mapped", "--userns", "auto", IMAGE, "sh", "-c", script).replaceAll(/\s+/g, " ");
  say("--userns auto: owners inside, the map", "0 0, and another range", map.test(inside) ? "0 0, and another range" : inside);
  strata("commit", "mapped", "local/mapped");
  say("the owner after commit", "0", strata("run", "--rm", "local/mapped", "stat", "-c", "%u", "/made"));
  say(
    "--uidmap 0:100000:1000",
    "0 100000 1000",
    strata("run", "--rm", "--uidmap", "0:100000:1000", "--gidmap", "0:100000:1000", IMAGE, "cat", "/proc/self/uid_map").trim().replaceAll(/\s+/g, " "),
  );
  strata("rm", "mapped");
}

function runtime(say: Say): void {
  const bundle = makeBundle("held", ["sleep", "1000"], (spec) => ({
    ...spec,
    linux: { ...spec.linux, resources: { ...spec.linux?.resources, memory: { limit: 32 * MIB }, cpu: { quota: 30_000, period: 100_000 }, pids: { limit: 9 } } },
  }));
  detach(bundle, "held");
  const told = JSON.parse(strataRuntime("state", "held")) as { readonly status: string; readonly pid: number };
  const files = (): string => ["memory.max", "cpu.max", "pids.max"].map((name) => groupFile(String(told.pid), name)).join(" ");
  say("strata-runtime run --detach, state", "running", told.status);
  say("linux.resources of the bundle", `${32 * MIB} 30000 100000 9`, files());
  strataRuntime("update", "--memory", String(48 * MIB), "--cpu-quota", "60000", "--pids-limit", "12", "held");
  say("strata-runtime update", `${48 * MIB} 60000 100000 12`, files());
  strataRuntime("pause", "held");
  say("strata-runtime pause", "frozen 1", /frozen \d/.exec(groupFile(String(told.pid), "cgroup.events"))?.[0] ?? "");
  strataRuntime("resume", "held");
  say("strata-runtime exec", "0::/", strataRuntime("exec", "held", "cat", "/proc/self/cgroup"));
  const { data } = JSON.parse(strataRuntime("events", "--stats", "held")) as { data: { memory: { usage: { limit: number } }; pids: { current: number } } };
  say("strata-runtime events --stats", `${48 * MIB} 1`, `${data.memory.usage.limit} ${data.pids.current}`);
  const folder = `/sys/fs/cgroup${readFileSync(`/proc/${told.pid}/cgroup`, "utf8").trim().replace("0::", "")}`;
  strataRuntime("delete", "--force", "held");
  say("its group after strata-runtime delete --force", "gone", existsSync(folder) ? "there" : "gone");
}

await part("The command line", [run, seenInside, change, freeze, outOfMemory, disks, ports, mappedUsers, runtime]);

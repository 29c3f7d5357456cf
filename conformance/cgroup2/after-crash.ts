/** Runs in the machine, booted again after its crash, on the same disk: /run is empty, and no process, link, rule or group is left of before. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { ask, attempt, IMAGE, strata } from "./programs.ts";
import { part, type Say } from "./say.ts";

const SETTLED_MS = 60_000;
const STATUS = "{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}";

async function firstLook(say: Say): Promise<void> {
  say(
    "the first ps --all: those without a policy",
    "Exited (255)",
    /no\|(Exited \(255\))/.exec(strata("ps", "--all", "--format", "{{.Names}}|{{.Status}}"))?.[1] ?? "",
  );
  say("inspect", "exited 255 the machine was started anew", strata("inspect", "--format", STATUS, "no"));
  say("of one that was paused", "exited 255 the machine was started anew", strata("inspect", "--format", STATUS, "frozen"));
  say("of one that had ended before", "exited 3", strata("inspect", "--format", STATUS, "ended"));
  say("of one that was never started", "created 0", strata("inspect", "--format", STATUS, "created"));
  const running = async (): Promise<string> => await Promise.resolve(strata("ps", "--format", "{{.Names}}").split("\n").sort().join(" "));
  for (const deadline = Date.now() + SETTLED_MS; Date.now() < deadline && (await running()).split(" ").length < 3;) await sleep(500);
  say("started again by their policies", "on-failure unless-stopped web", await running());
  say("one that was stopped", "exited", strata("inspect", "--format", "{{.State.Status}}", "stopped"));
  say("one with --rm", "gone", attempt("strata", "inspect", "passing").status === 0 ? "there" : "gone");
}

function content(say: Say): void {
  const { status, text, said } = attempt("strata", "system", "check");
  say("strata system check", "0", status === 0 ? "0" : `${String(status)} ${text} ${said}`);
  say("the image that was imported", "secret", strata("run", "--rm", IMAGE, "cat", "/secret"));
  say("the one that was built", "built", strata("run", "--rm", "local/built"));
  say("files of a container that had ended", "written", (strata("cp", "ended:/file", "/tmp/file"), readFileSync("/tmp/file", "utf8").trim()));
  say("the created one runs", "secret", strata("start", "--attach", "created"));
  say("its volume through the published port", "kept", ask("http://127.0.0.1:8080/file"));
  say("by name on its network", "kept", ask("http://web/file", "kept"));
  say("logs of before and after", "begun; begun", strata("logs", "web").replaceAll("\n", "; "));
  say("one that a crash ended is started again", "no", strata("start", "no"));
}

async function removed(say: Say): Promise<void> {
  const all = strata("ps", "--all", "--quiet").split("\n");
  strata("rm", "--force", "--volumes", ...all);
  strata("network", "rm", "kept");
  const left = (): Readonly<Record<string, readonly string[]>> => ({
    groups: readdirSync("/sys/fs/cgroup", { withFileTypes: true })
      .flatMap((one) => (one.isDirectory() && one.name === "strata" ? readdirSync("/sys/fs/cgroup/strata") : []))
      .filter((name) => /^[0-9a-f]{64}$/.test(name)),
    links: readdirSync("/sys/class/net").filter((name) => name !== "lo"),
    mounts: readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .filter((line) => /strata|overlay/.test(line)),
    states: existsSync("/run/strata/containers") ? readdirSync("/run/strata/containers") : [],
    layers: readdirSync("/var/lib/strata/active"),
    tables: execFileSync("nft", ["list", "tables"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line !== ""),
    processes: readdirSync("/proc").filter((name) => /^\d+$/.test(name) && /strata-(helper|names|loopback)/.test(lineOf(name))),
  });
  const isClear = (): boolean => Object.values(left()).every((list) => list.length === 0);
  for (const deadline = Date.now() + SETTLED_MS; Date.now() < deadline && !isClear();) await sleep(500);
  for (const [kind, list] of Object.entries(left())) say(`${kind} left after rm --force of all`, "none", list.join(" ") || "none");
  say("strata system check", "0", String(attempt("strata", "system", "check").status));
}

function lineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // ended meanwhile
  }
}

await part("After it", [firstLook, content, removed]);

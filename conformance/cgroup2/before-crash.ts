/** Runs in the machine: containers, volumes, networks and images are made, and the machine crashes while they are in use. Only what was built is synced. */
import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { IMAGE, importImage, strata } from "./programs.ts";
import { part, type Say } from "./say.ts";

const CRASHES_MS = 2000;

/** By policy, those that run. */
function makeContainers(say: Say): void {
  importImage();
  strata("network", "create", "kept");
  strata("volume", "create", "data");
  const web = ["-p", "127.0.0.1:8080:80", "-v", "data:/data", "--network", "kept", "--restart", "always"];
  strata("run", "-d", "--name", "web", ...web, IMAGE, "sh", "-c", "echo begun; [ -e /data/file ] || echo kept > /data/file; exec httpd -f -p 80 -h /data");
  for (const policy of ["unless-stopped", "on-failure", "no"]) strata("run", "-d", "--name", policy, "--restart", policy, IMAGE, "sleep", "1000");
  strata("run", "-d", "--rm", "--name", "passing", IMAGE, "sleep", "1000");
  strata("run", "-d", "--name", "frozen", IMAGE, "sleep", "1000");
  strata("pause", "frozen");
  strata("run", "-d", "--name", "stopped", "--restart", "unless-stopped", IMAGE, "sleep", "1000");
  strata("stop", "--time", "0", "stopped");
  strata("run", "--name", "ended", IMAGE, "sh", "-c", "echo written > /file; exit 3");
  strata("create", "--name", "created", IMAGE, "cat", "/secret");
  say("containers that run", "frozen no on-failure passing unless-stopped web", names("--format", "{{.Names}}"));
}

function names(...flags: readonly string[]): string {
  return strata("ps", ...flags)
    .split("\n")
    .sort()
    .join(" ");
}

function makeImage(say: Say): void {
  writeFileSync("/tmp/Dockerfile", `FROM ${IMAGE}\nRUN echo built > /built\nCMD ["cat", "/built"]\n`);
  strata("build", "-q", "-t", "local/built", "-f", "/tmp/Dockerfile", "/bin");
  say("an image that was built", "built", strata("run", "--rm", "local/built"));
  execFileSync("sync"); // files of layers are the kernel's to write, which may take it half a minute: `system check` tells of those that were lost
}

await part("A crash of the machine", [makeContainers, makeImage]);
// Commands are at work when it happens: what they write is whole afterwards, or not there.
spawn("sh", ["-c", "while :; do /strata/bin/strata.js import /tmp/box.tar local/half; /strata/bin/strata.js run --rm local/built; done"], { stdio: "ignore" });
await sleep(CRASHES_MS);
writeFileSync("/proc/sysrq-trigger", "b");

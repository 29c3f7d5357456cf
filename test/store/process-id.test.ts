/** Who owns unfinished work: a zombie has ended, whatever its parent has yet to do. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { isAbandoned, ownedName } from "../../store/owner.ts";
import { isAlive, startTimeOf } from "../../store/process-id.ts";

test("this process lives, and with another start time it would be another", () => {
  const started = startTimeOf(process.pid) ?? 0;
  expect([isAlive(process.pid, started), isAlive(process.pid, started + 1), isAlive(0, 0)]).toEqual([true, false, false]);
  expect(isAbandoned(ownedName())).toBe(false);
});

test("a zombie is gone, and what it owned is abandoned", async () => {
  const parent = spawn("sh", ["-c", "sleep 0.01 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "ignore"] }); // sleep never waits for the child it inherits
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(line.toString());
  const stat = (): readonly string[] => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const started = Number(stat()[19]);
  while (stat()[0] !== "Z") await new Promise((resolve) => setTimeout(resolve, 5));
  expect(isAlive(pid, started)).toBe(false);
  expect(isAbandoned(ownedName().replace(/^\d+\.\d+/, `${pid}.${started}`))).toBe(true);
  expect(isAbandoned(`${pid}.${started}.ab`)).toBe(false); // no name of ours
  parent.kill();
  await once(parent, "exit");
});

test("a process of another namespace lives as long as that namespace does", async () => {
  const script = "process.stdout.write(require('node:fs').readlinkSync('/proc/self/ns/pid')); setInterval(() => {}, 1000)";
  const child = spawn("unshare", ["--pid", "--fork", "--kill-child", "--mount-proc", process.execPath, "-e", script], { stdio: ["ignore", "pipe", "ignore"] });
  const [link] = (await once(child.stdout, "data")) as [Buffer];
  const name = `1.1.${/\d+/.exec(link.toString())![0]}.ab`;
  expect(isAbandoned(name)).toBe(false);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(isAbandoned("1.1.12345.ab")).toBe(true);
});

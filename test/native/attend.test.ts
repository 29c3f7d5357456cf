/** strata-minder attend: ends as its program does, or ends that with all that it started. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { programs } from "../support/root.ts";

async function attend(seconds: number, script: string): Promise<{ readonly ending: unknown; readonly stderr: string }> {
  const child = spawn(programs.minder, ["attend", String(seconds), "/bin/sh", "-c", script], { stdio: ["ignore", "ignore", "pipe", "ignore"] });
  let stderr = "";
  child.stderr?.on("data", (data: Buffer) => (stderr += data.toString()));
  const [status, signal] = (await once(child, "close")) as [number | null, string | null];
  return { ending: status ?? signal, stderr };
}

test.each([
  { name: "with its status", script: "exit 7", ending: 7, stderr: "" },
  { name: "with 128 and the signal that ended it", script: "kill -TERM $$", ending: 143, stderr: "" },
  { name: "when it has ended, not what it left running", script: "sleep 30 2>/dev/null &", ending: 0, stderr: "" },
  { name: "after its time, with what it started", script: "sleep 30 & wait", ending: "SIGKILL", stderr: "it did not end within 1 seconds\n" },
])("ends $name", async ({ script, ending, stderr }) => {
  expect(await attend(1, script)).toEqual({ ending, stderr });
});

test("leads a session, and keeps descriptor 3 from the program", async () => {
  const script = `"${programs.minder}" attend 5 /bin/sh -c 'ps -o sid= -p $$; test -e /proc/self/fd/3 || echo closed' 3</dev/null & echo $!; wait`;
  const [pid, ...said] = execFileSync("sh", ["-c", script], { encoding: "utf8" }).trim().split(/\s+/);
  expect(said).toEqual([pid, "closed"]);
});

test("says what it cannot run", async () => {
  const child = spawn(programs.minder, ["attend", "1", "/nowhere"], { stdio: ["ignore", "ignore", "pipe"] });
  const [said] = (await once(child.stderr, "data")) as [Buffer];
  expect(said.toString()).toMatch(/^attend: exec \/nowhere: /);
});

/** One container: limits, exec, and a commit that holds the change and nothing of the machine. */
import { strict as assert } from "node:assert";
import { fetchText } from "./poller.ts";
import { step } from "./narrate.ts";
import { strata } from "./shell.ts";

export async function containers(): Promise<void> {
  await step(
    "strata run -d --cpus 0.5 --memory 128m -p 127.0.0.1::8080 hello:v1",
    async () => await strata("run", "-d", "--name", "web", "--cpus", "0.5", "--memory", "128m", "-p", "127.0.0.1:0:8080", "hello:v1"),
    (id) => `container ${id.slice(0, 12)}`,
  );
  const address = await strata("port", "web", "8080/tcp");
  await step(
    "asking it over its published port",
    async () => await patiently(async () => await fetchText(`http://${address}/`)),
    (text) => text,
  );
  await step(
    "strata exec web ps: it is process 1 of its own world",
    async () => await strata("exec", "web", "ps", "-e", "-o", "pid,user,args"),
    (text) => text,
  );
  await strata("exec", "-u", "0", "web", "sh", "-c", "echo changed > /etc/motd");
  await step(
    "strata diff, then strata commit",
    async () => await commit(),
    (text) => text,
  );
  const kept = await strata("run", "--rm", "--network", "none", "--entrypoint", "cat", "hello:changed", "/etc/motd");
  assert.equal(kept, "changed");
  await step(
    "strata rm -f web",
    async () => await strata("rm", "-f", "web"),
    () => "",
  );
}

async function commit(): Promise<string> {
  const changes = await strata("diff", "web");
  assert.ok(changes.includes("/etc/motd"), "the diff must show the new file");
  assert.ok(!/resolv\.conf|\/etc\/hosts|\/dev/.test(changes), "the diff must not show machine-local files");
  await strata("commit", "-m", "a new greeting", "web", "hello:changed");
  return changes;
}

/** Tries until it works, for at most ten seconds. */
export async function patiently<Result>(attempt: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

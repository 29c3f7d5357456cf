/** The guestbook of examples/guestbook, as its README has it: three services that find each other by name. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { projectRoot } from "../support/root.ts";

const folder = join(projectRoot, "examples/guestbook");
let cluster: TestCluster;
let url: string;
const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl("-n", "guestbook", ...args);

beforeAll(async () => {
  cluster = await TestCluster.start(async (fresh) => {
    await strataOutput(fresh, "base", "create", "local/node", "--bin", "sh,node", "--user", "app:1000");
    for (const part of ["frontend", "entries", "store"]) await strataOutput(fresh, "build", "-t", `guestbook-${part}:v1`, join(folder, part));
  });
  await cluster.apply(readFileSync(join(folder, "guestbook.yaml"), "utf8"));
  for (const part of ["store", "entries", "frontend"]) await kubectl("rollout", "status", `deployment/${part}`, "--timeout=180s");
  url = `http://127.0.0.1:${await kubectl("get", "service", "guestbook", "-o", "jsonpath={.spec.ports[0].nodePort}")}`;
}, 180_000);

afterAll(async () => await cluster[Symbol.asyncDispose](), 180_000);

async function write(name: string, text: string): Promise<number> {
  const headers = { connection: "close", "content-type": "application/x-www-form-urlencoded" };
  const { status } = await fetch(url, { method: "POST", redirect: "manual", headers, body: new URLSearchParams({ name, text }).toString() });
  return status;
}

async function read(accept = "text/plain"): Promise<string> {
  return await (await fetch(url, { headers: { accept, connection: "close" } })).text();
}

describe("the guestbook", { timeout: 300_000 }, () => {
  test("takes entries at its node port and shows them, through all three services", async () => {
    await eventually(async () => expect(await read()).toBe(""));
    expect(await write("Ada", "Hello <all>")).toBe(303);
    expect(await write("Grace", "Here too")).toBe(303);
    expect(await read()).toBe("Ada: Hello <all>\nGrace: Here too\n");
    expect(await read("text/html")).toContain("<li><b>Ada</b> Hello &#60;all&#62;</li>");
    expect(await write("", "nobody")).toBe(422);
  });

  test("is found from another namespace by its full name", async () => {
    const script = `fetch("http://guestbook.guestbook.svc.cluster.local").then((answer) => answer.text()).then(console.log)`;
    await cluster.kubectl(
      "run",
      "reader",
      "--image=local/node:latest",
      "--image-pull-policy=Never",
      "--restart=Never",
      "--command",
      "--",
      "node",
      "-e",
      script,
    );
    await cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/reader", "--timeout=180s");
    expect(await cluster.kubectl("logs", "reader")).toBe("Ada: Hello <all>\nGrace: Here too");
    await cluster.kubectl("delete", "pod", "reader");
  });

  test("has its entries still when the store's process was killed", async () => {
    const before = await cluster.get("pods", "-n", "guestbook", "-l", "app=store");
    const id = String(before.items[0].status.containerStatuses[0].containerID).replace("strata://", "");
    await strataOutput(cluster.root, "kill", "-s", "KILL", id);
    await eventually(async () => {
      const [pod] = (await cluster.get("pods", "-n", "guestbook", "-l", "app=store")).items;
      expect(pod.status.containerStatuses[0]).toMatchObject({ restartCount: 1, ready: true });
      expect(await read()).toBe("Ada: Hello <all>\nGrace: Here too\n");
    });
  });

  test("loses no entry while the services between are replaced and multiplied", async () => {
    let writing = true;
    const written: string[] = [];
    const failures: string[] = [];
    const writer = (async () => {
      for (let number = 0; writing; number++) {
        const status = await write("Load", String(number)).catch((error: unknown) => String(error));
        if (status === 303) written.push(String(number));
        else failures.push(`${number}: ${status}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    await kubectl("rollout", "restart", "deployment/entries", "deployment/frontend");
    await kubectl("rollout", "status", "deployment/entries", "--timeout=180s");
    await kubectl("rollout", "status", "deployment/frontend", "--timeout=180s");
    await kubectl("scale", "deployment/entries", "--replicas=3");
    await kubectl("rollout", "status", "deployment/entries", "--timeout=180s");
    writing = false;
    await writer;
    expect(failures).toEqual([]);
    const kept = (await read()).split("\n").flatMap((line) => /^Load: (\d+)$/.exec(line)?.[1] ?? []);
    expect(kept).toEqual(written);
  });

  test("goes with its namespace", async () => {
    await cluster.kubectl("delete", "namespace", "guestbook", "--timeout=180s");
    expect(await cluster.kubectl("get", "namespace", "guestbook", "--ignore-not-found")).toBe("");
    await eventually(async () => expect(await strataOutput(cluster.root, "ps", "-aq")).toBe(""));
  });
});

/** What goes between a user and a container: logs, exec, attach, run, cp, port-forward, debug; terminals are real ones, made by script(1). */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, type TestCluster } from "../support/cluster.ts";
import { kubectl as findKubectl } from "../support/kubectl.ts";
import { IDLE, IMAGE, pod, podCluster, sh, untilPhase, untilPod, untilReady } from "./pod-lab.ts";

let cluster: TestCluster;
let kubectl: string;
beforeAll(async () => {
  kubectl = await findKubectl();
  cluster = await podCluster();
}, 300_000);
afterAll(async () => await cluster[Symbol.asyncDispose](), 120_000);

const TERMINAL_MS = 120_000;
/** A shell's, or kubectl's word that it was there before the client. */
const PROMPT = /try pressing enter|[#$] /;

/** Runs a shell script in a terminal of 33 rows and 77 columns; `$K` is kubectl. What is typed comes when `ready` was seen. */
async function terminal(script: string, typed: readonly { readonly after: RegExp; readonly text: string }[] = []): Promise<string> {
  const child = spawn("script", ["-qec", `stty rows 33 cols 77; ${script}`, "/dev/null"], {
    env: { ...cluster.environment, K: kubectl, TERM: "dumb", SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const waiting = [...typed];
  let [seen, from] = ["", 0];
  child.stdout.on("data", (chunk: Buffer) => {
    seen += chunk.toString();
    while (waiting[0]?.after.test(seen.slice(from)) === true) {
      from = seen.length;
      child.stdin.write(waiting.shift()?.text ?? "");
    }
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), TERMINAL_MS); /* the terminal goes, and all in it */
  await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  return seen.replaceAll("\r\n", "\n");
}

describe("logs", { timeout: 300_000 }, () => {
  test("of several containers, from the end, from a time, with times, cut", async () => {
    await cluster.apply(pod("talk", { containers: [sh("a", `echo a1; echo a2 >&2; sleep 3; echo a3; ${IDLE}`), sh("b", `echo b1; ${IDLE}`)] }));
    const logs = async (...args: readonly string[]): Promise<string> => await cluster.kubectl("logs", "talk", ...args);
    await eventually(async () => expect(await logs("-c", "a")).toBe("a1\na2\na3"));
    await eventually(async () => expect(await logs("b")).toBe("b1"));
    expect((await logs("--all-containers", "--prefix")).split("\n").toSorted()).toEqual([
      "[pod/talk/a] a1",
      "[pod/talk/a] a2",
      "[pod/talk/a] a3",
      "[pod/talk/b] b1",
    ]);
    expect(await logs("-c", "a", "--tail=2")).toBe("a2\na3");
    expect(await logs("-c", "a", "--since=1h")).toBe("a1\na2\na3");
    const times = await logs("-c", "a", "--timestamps");
    expect(times).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z a1\n/);
    const third = times.split("\n")[2]?.split(" ")[0] ?? "";
    expect(await logs("-c", "a", `--since-time=${third}`)).toBe("a3");
    expect(await logs("-c", "a", "--limit-bytes=5")).toBe("a1\na2".slice(0, 5));
    await expect(logs("-c", "nobody")).rejects.toThrow("container nobody is not valid for pod talk");
  });

  test("of the run before, and of a pod that is done; -f ends with the container", async () => {
    await cluster.apply(
      pod("again", {
        ...shared,
        containers: [sh("c", `echo run >> /shared/n; echo run $(wc -l < /shared/n); test $(wc -l < /shared/n) -gt 1 && ${waitForever}; exit 1`, at)],
      }),
      pod("done", { restartPolicy: "Never", containers: [sh("c", "for i in 1 2 3; do echo $i; sleep 0.3; done")] }),
    );
    await eventually(async () => expect(await cluster.kubectl("logs", "-f", "done")).toBe("1\n2\n3"));
    await untilPod(
      cluster,
      "again",
      ({ status }) => status.containerStatuses?.[0].restartCount === 1 && status.containerStatuses[0].state.running !== undefined,
    );
    await eventually(async () => expect(await cluster.kubectl("logs", "again")).toBe("run 2"));
    expect(await cluster.kubectl("logs", "again", "--previous")).toBe("run 1");
    await untilPhase(cluster, "done", "Succeeded");
    expect(await cluster.kubectl("logs", "done", "--tail=1")).toBe("3");
  });

  test("are rotated at 10 MiB, and -f goes on across it", async () => {
    const script = "seq -f %0100.0f 1 30000; while ! test -e /tmp/go; do sleep 0.1; done; seq -f %0100.0f 30001 90000; sleep 1";
    await cluster.apply(pod("wordy", { restartPolicy: "Never", containers: [sh("c", script)] }));
    const { metadata } = await untilReady(cluster, "wordy");
    const following = cluster.feed("", "logs", "-f", "wordy");
    await cluster.kubectl("exec", "wordy", "--", "touch", "/tmp/go");
    const lines = (await following).stdout.trimEnd().split("\n").map(Number);
    expect(lines).toEqual(Array.from({ length: 90_000 }, (_, index) => index + 1));
    const log = join(cluster.root.root, "cluster/pods", metadata.uid, "logs/c/0.log");
    expect(existsSync(`${log}.1`)).toBe(true);
    expect(readFileSync(log).length).toBeLessThan(10 * 1024 * 1024);
    expect(Number(await cluster.kubectl("logs", "wordy", "--tail=1"))).toBe(90_000);
  });
});

const shared = { volumes: [{ name: "shared", emptyDir: {} }] };
const at = { volumeMounts: [{ name: "shared", mountPath: "/shared" }] };
const waitForever = "{ trap 'exit 0' TERM; while :; do sleep 0.1; done; }";

describe("exec", { timeout: 300_000 }, () => {
  beforeAll(async () => {
    await cluster.apply(pod("box", { containers: [sh("c", IDLE), sh("d", IDLE)] }));
    await untilReady(cluster, "box");
  }, 300_000);

  test("passes input, both outputs and the exit code on", async () => {
    const { stdout, stderr, status } = await cluster.feed("typed\n", "exec", "-i", "box", "-c", "d", "--", "sh", "-c", "cat; echo wrong >&2; exit 9");
    expect([stdout, status]).toEqual(["typed\n", 9]);
    expect(stderr).toContain("wrong\n");
    await expect(cluster.kubectl("exec", "box", "--", "nonesuch")).rejects.toThrow(/nonesuch/);
  });

  test("-it is a terminal of the user's size, and follows it", async () => {
    const watched = `$K exec -it box -c c -- sh -c 'tty; stty size; touch /tmp/sized; until test "$(stty size)" = "40 90"; do sleep 0.1; done; stty size'`;
    const isSized = "$K exec box -c c -- ls /tmp/sized > /dev/null 2>&1";
    const seen = await terminal(`(until ${isSized}; do sleep 0.2; done; stty rows 40 cols 90 < /dev/tty) & ${watched}`);
    expect(seen).toMatch(/\/dev\/pts\/\d+\n33 77\n40 90\n/);
  });

  test("-it is a shell to type into", async () => {
    const seen = await terminal("$K exec -it box -c c -- sh", [
      { after: PROMPT, text: "echo $((6 * 7))\n" },
      { after: /42\n[^]*[#$] |42\r\n[^]*[#$] /, text: "exit\n" },
    ]);
    expect(seen).toMatch(/^42$/m);
  });
});

describe("attach", { timeout: 300_000 }, () => {
  test("-i feeds the program; with stdinOnce its input ends with the client", async () => {
    await cluster.apply(
      pod("reader", { restartPolicy: "Never", containers: [sh("c", "while read line; do echo got $line; done; echo end", { stdin: true, stdinOnce: true })] }),
    );
    await untilReady(cluster, "reader");
    const { stdout } = await cluster.feed("one\ntwo\n", "attach", "-i", "reader");
    expect(stdout).toContain("got one\ngot two\nend\n");
    await untilPhase(cluster, "reader", "Succeeded");
  });

  test("-i leaves the input open for the next client without it", async () => {
    await cluster.apply(pod("listener", { containers: [sh("c", "while read line; do echo got $line; done; echo end", { stdin: true })] }));
    await untilReady(cluster, "listener");
    for (const word of ["first", "second"]) {
      const child = spawn(kubectl, ["attach", "-i", "listener"], { env: cluster.environment });
      child.stdin.end(`${word}\n`);
      await eventually(async () => expect(await cluster.kubectl("logs", "listener")).toContain(`got ${word}`));
      child.kill();
    }
    expect(await cluster.kubectl("logs", "listener")).toBe("got first\ngot second");
  });

  test("-it is the program's own terminal", async () => {
    await cluster.apply(
      pod("shell", { restartPolicy: "Never", containers: [{ name: "c", image: IMAGE, command: ["sh"], stdin: true, stdinOnce: true, tty: true }] }),
    );
    await untilReady(cluster, "shell");
    const seen = await terminal("$K attach -it shell", [
      {
        after: PROMPT,
        text: `until test "$(stty size)" = "33 77"; do sleep 0.1; done; stty size; echo $((6 * 7))\n`,
      } /* kubectl makes it one larger for a moment, so that programs draw anew */,
      { after: /42/, text: "exit 3\n" },
    ]);
    expect(seen).toMatch(/33 77\n42\n/);
    expect((await untilPhase(cluster, "shell", "Failed")).status.containerStatuses[0].state.terminated.exitCode).toBe(3);
  });
});

describe("run", { timeout: 300_000 }, () => {
  test("-i --rm gives what the program says, and leaves nothing", async () => {
    const { stdout, status } = await cluster.feed(
      "hello\n",
      "run",
      "once",
      "-i",
      "--rm",
      "--restart=Never",
      `--image=${IMAGE}`,
      "--command",
      "--",
      "sh",
      "-c",
      "cat; echo done",
    );
    expect([status, stdout]).toEqual([0, expect.stringContaining("hello\ndone\n")]);
    await eventually(async () => expect(await cluster.kubectl("get", "pod", "once", "--ignore-not-found")).toBe(""));
  });

  test("-it --rm is a shell in a pod of its own", async () => {
    // Without a prompt, which comes before or after what is typed: the shell begins when it likes.
    const seen = await terminal(`$K run own -it --rm --restart=Never --env=PS1= --image=${IMAGE} --command -- sh`, [
      { after: PROMPT, text: "hostname; echo $((6 * 7))\n" },
      { after: /42\r?\n/, text: "exit\n" },
    ]);
    expect(seen).toMatch(/^own\n42$/m);
    expect(seen).toContain('pod "own" deleted');
  });
});

describe("cp", { timeout: 300_000 }, () => {
  test("carries files and folders both ways", async () => {
    await cluster.apply(pod("store", { containers: [sh("c", IDLE)] }));
    await untilReady(cluster, "store");
    const place = join(cluster.root.root, "../copy");
    mkdirSync(join(place, "tree/deep"), { recursive: true });
    writeFileSync(join(place, "file"), "one");
    writeFileSync(join(place, "tree/deep/leaf"), "two");
    writeFileSync(join(place, "big"), Buffer.alloc(3 << 20, "x"));
    await cluster.kubectl("cp", join(place, "file"), "store:/tmp/file");
    await cluster.kubectl("cp", join(place, "tree"), "default/store:/tmp/tree", "-c", "c");
    await cluster.kubectl("cp", join(place, "big"), "store:/tmp/big");
    expect(await cluster.kubectl("exec", "store", "--", "sh", "-c", "cat /tmp/file /tmp/tree/deep/leaf; wc -c < /tmp/big")).toBe(`onetwo${3 << 20}`);
    await cluster.kubectl("cp", "store:/tmp/tree", join(place, "back"));
    await cluster.kubectl("cp", "store:/tmp/big", join(place, "big-back"));
    expect(readFileSync(join(place, "back/deep/leaf"), "utf8")).toBe("two");
    expect(readFileSync(join(place, "big-back")).equals(readFileSync(join(place, "big")))).toBe(true);
  });
});

describe("port-forward", { timeout: 300_000 }, () => {
  const SERVE = `for (const port of [8080, 8081]) require("http").createServer((request, answer) => answer.end(port + request.url)).listen(port);`;
  const template = {
    containers: [
      { name: "c", image: IMAGE, command: ["node", "-e", SERVE], ports: [{ name: "web", containerPort: 8080 }], readinessProbe: { tcpSocket: { port: 8081 } } },
    ],
  };

  async function ask(port: number, path: string): Promise<string> {
    return await new Promise((resolve, reject) => {
      get({ port, path, host: "127.0.0.1", agent: false, timeout: 10_000 }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString())).on("end", () => resolve(text));
      }).on("error", reject);
    });
  }

  /** Local ports in the order that was asked for. */
  async function forward(target: string, ...ports: readonly string[]): Promise<{ readonly child: ChildProcess; readonly local: readonly number[] }> {
    const child = spawn(kubectl, ["port-forward", target, ...ports], { env: cluster.environment });
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const local = await eventually(async () => {
      const found = [...said.matchAll(/127\.0\.0\.1:(\d+) ->/g)].map(([, port]) => Number(port));
      expect(found, said).toHaveLength(ports.length);
      return await Promise.resolve(found);
    });
    return { child, local };
  }

  test("reaches a pod, a Deployment and a Service, over several ports and connections", async () => {
    const labels = { app: "web" };
    await cluster.apply(
      pod("alone", template),
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "web" },
        spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: template } },
      },
      { apiVersion: "v1", kind: "Service", metadata: { name: "web" }, spec: { selector: labels, ports: [{ port: 80, targetPort: "web" }] } },
    );
    await untilReady(cluster, "alone");
    await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=120s");
    const [toPod, toDeployment, toService] = [
      await forward("pod/alone", ":8080", ":8081"),
      await forward("deployment/web", ":8081"),
      await forward("service/web", ":80"),
    ];
    const [first = 0, second = 0] = toPod.local;
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, index) => await ask(index % 2 === 0 ? first : second, `/${index}`)));
    expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => `${index % 2 === 0 ? 8080 : 8081}/${index}`));
    expect(await ask(toDeployment.local[0] ?? 0, "/d")).toBe("8081/d");
    expect(await ask(toService.local[0] ?? 0, "/s")).toBe("8080/s");
    for (const { child } of [toPod, toDeployment, toService]) child.kill();
    await cluster.kubectl("delete", "deployment,service", "web");
  });
});

describe("debug", { timeout: 300_000 }, () => {
  test("puts a container into a pod that runs, which sees the target's processes", async () => {
    await cluster.apply(pod("patient", { containers: [sh("c", `: marked; ${IDLE}`)] }));
    const before = await untilReady(cluster, "patient");
    const look = ["debug", "patient", `--image=${IMAGE}`, "--target=c", "--container=doctor", "--", "sh", "-c", "ps -e -o args; echo seen; exit 5"];
    await cluster.kubectl(...look);
    const { status, spec } = await untilPod(cluster, "patient", (found) => found.status.ephemeralContainerStatuses?.[0].state.terminated !== undefined);
    expect(spec.ephemeralContainers).toMatchObject([{ name: "doctor", targetContainerName: "c" }]);
    expect(status.ephemeralContainerStatuses[0]).toMatchObject({ name: "doctor", restartCount: 0, state: { terminated: { exitCode: 5, reason: "Error" } } });
    expect(await cluster.kubectl("logs", "patient", "-c", "doctor")).toMatch(/: marked[^]*seen$/);
    expect(status.containerStatuses[0].containerID).toBe(before.status.containerStatuses[0].containerID);
    expect(await cluster.kubectl("get", "pod", "patient", "--no-headers")).toMatch(/\s1\/1\s+Running\s+0\s/);
    expect(await cluster.kubectl("describe", "pod", "patient")).toMatch(/Ephemeral Containers:\n\s+doctor:/);
  });

  test("-it is a shell beside the program", async () => {
    const seen = await terminal(`$K debug -it patient --image=${IMAGE} --target=c -- sh`, [
      { after: PROMPT, text: "ps -e -o args; echo $((6 * 7))\n" },
      { after: /42\r?\n/, text: "exit\n" },
    ]);
    expect(seen).toContain(": marked");
    expect(seen).toMatch(/^42$/m);
  });
});

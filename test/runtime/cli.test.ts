/** The container verbs as a user types them: exit codes, streams, tables, and what a killed command leaves. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { runStrata, strataOutput } from "../support/cli.ts";
import { strata } from "../support/root.ts";
import { type Lab, leftovers, openLab } from "./engine-lab.ts";

const IMAGE = "strata-test/tools";

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
});
afterEach(async () => {
  for (const { record } of await lab.engine.list()) await lab.engine.remove(record.id, { force: true, volumes: true });
  for (const { name } of await lab.engine.volumes.list()) await lab.engine.volumes.remove(name);
});
afterAll(async () => await lab[Symbol.asyncDispose]());

const cli = async (...args: readonly string[]): Promise<Awaited<ReturnType<typeof runStrata>>> => await runStrata(lab.root, args);
const output = async (...args: readonly string[]): Promise<string> => await strataOutput(lab.root, ...args);

describe("run", () => {
  const rows = [
    {
      name: "passes the program's output and code on",
      args: ["--rm", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 5"],
      status: 5,
      stdout: "out\n",
      stderr: "err\n",
    },
    { name: "leaves flags after the image to the program", args: ["--rm", IMAGE, "echo", "-n", "--rm", "-x"], status: 0, stdout: "--rm -x", stderr: "" },
    {
      name: "joins short flags",
      args: ["-i", "--rm", "-w", "/tmp", "-e", "A=1", IMAGE, "sh", "-c", "pwd; echo $A; cat"],
      input: "in\n",
      status: 0,
      stdout: "/tmp\n1\nin\n",
      stderr: "",
    },
    { name: "is 127 for a program that is not there", args: ["--rm", IMAGE, "nothing-such"], status: 127, stdout: "", stderr: /"nothing-such"/ },
    { name: "is 126 for one that may not be run", args: ["--rm", IMAGE, "/etc/passwd"], status: 126, stdout: "", stderr: /permission denied/ },
    {
      name: "is 125 for an image that is not there",
      args: ["--rm", "--pull", "never", "nothing/such"],
      status: 125,
      stdout: "",
      stderr: /No such image: nothing\/such:latest/,
    },
    { name: "is 125 for a flag that is none", args: ["--no-such-flag", IMAGE], status: 125, stdout: "", stderr: /^strata: unknown flag: --no-such-flag\n/ },
    { name: "replaces the entrypoint", args: ["--rm", "--entrypoint", "echo", IMAGE, "mine"], status: 0, stdout: "mine\n", stderr: "" },
    { name: "maps users by number", args: ["--rm", "-u", "12:34", IMAGE, "sh", "-c", "id -u; id -g"], status: 0, stdout: "12\n34\n", stderr: "" },
  ];
  test.each(rows)("$name", async ({ args, input, status, stdout, stderr }) => {
    const done = await runStrata(lab.root, ["run", "--network", "none", ...args], input === undefined ? {} : { input });
    expect(done.status).toBe(status);
    expect(done.stdout).toBe(stdout);
    expect(done.stderr).toEqual(typeof stderr === "string" ? stderr : expect.stringMatching(stderr));
    expect(await output("ps", "-aq")).toBe("");
  });

  test("root of a user namespace is nobody outside, and its files are root's in a commit", async () => {
    chmodSync(join(lab.root.root, ".."), 0o711); // the mapped user must get to /etc/hosts and the like
    const id = await output("run", "-d", "--uidmap", "0:300000:65536", IMAGE, "sh", "-c", "touch /made; sleep 600");
    const pid = await output("inspect", "--format", "{{.State.Pid}}", id);
    expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/^Uid:\t300000\t/m);
    expect(await output("exec", id, "id", "-u")).toBe("0");
    await expect.poll(async () => (await cli("exec", id, "ls", "/made")).status).toBe(0);
    await output("commit", id, "strata-test/mapped");
    expect(await output("run", "--rm", "--network", "none", "strata-test/mapped", "stat", "-c", "%u", "/made")).toBe("0");
  });

  test("128 and the signal when the program is killed by one", async () => {
    const id = await output("run", "-d", "--network", "none", IMAGE, "sleep", "600");
    await output("kill", "-s", "KILL", id);
    expect(await output("wait", id)).toBe("137");
    expect(await output("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", id)).toBe("exited 137");
  });

  test("signals reach the program, its answer is the status", async () => {
    const child = spawn(
      process.execPath,
      [strata, "run", "--rm", "--network", "none", IMAGE, "sh", "-c", "trap 'echo caught; exit 42' TERM; echo up; while :; do sleep 0.05; done"],
      { env: lab.root.env, stdio: ["ignore", "pipe", "inherit"] },
    );
    let said = "";
    child.stdout.on("data", (data: Buffer) => {
      said += data.toString();
      if (said === "up\n") child.kill("SIGTERM");
    });
    const status = await new Promise((resolve) => child.once("close", resolve));
    expect([said, status]).toEqual(["up\ncaught\n", 42]);
  });

  test("ends quietly when its reader goes away, and the program goes on", async () => {
    const child = spawn(process.execPath, [strata, "run", "--name", "talker", "--network", "none", IMAGE, "sh", "-c", "while echo word; do sleep 0.05; done"], {
      env: lab.root.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let words = "";
    child.stderr.on("data", (data: Buffer) => (words += data.toString()));
    child.stdout.once("data", () => child.stdout.destroy());
    const status = await new Promise((resolve) => child.once("close", resolve));
    expect([words, status]).toEqual(["", 141]);
    expect((await lab.engine.get("talker")).status.status).toBe("running");
  });

  test("the third signal that a program ignores leaves it to itself, and --rm removes it at its end", async () => {
    const child = spawn(
      process.execPath,
      [strata, "run", "--rm", "--name", "deaf", "--network", "none", IMAGE, "sh", "-c", "trap '' INT; echo up; sleep 600"],
      {
        env: lab.root.env,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const ended = new Promise((resolve) => child.once("close", resolve));
    let words = "";
    child.stderr.on("data", (data: Buffer) => (words += data.toString()));
    await once(child.stdout, "data");
    const again = setInterval(() => child.kill("SIGINT"), 50); // until it has had three: of those that come together it sees one
    expect([await ended, words]).toEqual([1, expect.stringContaining("Got 3 signals")]);
    clearInterval(again);
    expect(await output("ps", "-q", "--filter", "name=deaf")).not.toBe("");
    await output("kill", "deaf");
    await expect.poll(async () => await output("ps", "-aq", "--filter", "name=deaf")).toBe("");
  });

  test("a terminal has ps show pid 1, and closes with the program", async () => {
    const child = spawn("script", ["-qec", `${process.execPath} ${strata} run --rm -it --network none ${IMAGE} sh`, "/dev/null"], {
      env: lab.root.env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (data: Buffer) => (said += data.toString()));
    await expect.poll(() => said).toMatch(/[#$] $/);
    child.stdin.write("ps -o pid,comm; exit 6\n");
    const status = await new Promise((resolve) => child.once("close", resolve));
    expect(said).toMatch(/\n\s+1 sh\r\n/);
    expect(status).toBe(6);
  });

  test("cidfile and label-file and env-file are read and written", async () => {
    const folder = mkdtempSync(join(lab.root.root, "files-"));
    writeFileSync(join(folder, "env"), "# note\nA=from file\n");
    writeFileSync(join(folder, "labels"), "x=y\n");
    const done = await cli(
      "run",
      "--network",
      "none",
      "--cidfile",
      join(folder, "cid"),
      "--env-file",
      join(folder, "env"),
      "--label-file",
      join(folder, "labels"),
      IMAGE,
      "sh",
      "-c",
      "echo $A",
    );
    expect(done.stdout).toBe("from file\n");
    const id = readFileSync(join(folder, "cid"), "utf8");
    expect(await output("inspect", "-f", "{{.Config.Labels.x}} {{.Name}}", id)).toMatch(/^y \/[a-z]+_[a-z]+$/);
    expect((await cli("run", "--cidfile", join(folder, "cid"), IMAGE)).status).toBe(125);
    rmSync(folder, { recursive: true });
  });
});

describe("a container in the background", () => {
  test("is listed, inspected, entered, copied from, stopped and removed as docker has it", async () => {
    const id = await output(
      "run",
      "-d",
      "--name",
      "web",
      "--memory",
      "64m",
      "--cpus",
      "0.5",
      "--network",
      "none",
      "-v",
      "data:/data",
      IMAGE,
      "sh",
      "-c",
      "echo line; sleep 600",
    );
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const [title, row] = (await output("ps")).split("\n");
    expect(title).toMatch(/^CONTAINER ID {3}IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$/);
    expect(row).toMatch(new RegExp(`^${id.slice(0, 12)} {3}strata-test/tools:latest {3}"sh -c 'echo|^${id.slice(0, 12)}.*web$`));
    expect(await output("ps", "--format", "{{.Names}} {{.State}}")).toBe("web running");
    const [inspected] = JSON.parse(await output("inspect", "web")) as [Record<string, Record<string, unknown>>];
    expect(inspected).toMatchObject({
      Id: id,
      Name: "/web",
      State: { Status: "running", Running: true },
      HostConfig: { Memory: 64 << 20, NanoCpus: 5e8, NetworkMode: "none" },
      Mounts: [{ Type: "volume", Name: "data", Destination: "/data", RW: true }],
    });
    expect((await cli("exec", "web", "sh", "-c", "exit 8")).status).toBe(8);
    expect(await cli("exec", "web", "nothing-such")).toMatchObject({ status: 127, stderr: expect.stringMatching(/"nothing-such"/) });
    expect((await runStrata(lab.root, ["exec", "-i", "web", "sh", "-c", "cat > /typed"], { input: "in" })).status).toBe(0);
    expect(await output("diff", "web")).toBe("A /typed");
    await expect.poll(async () => await output("logs", "web")).toBe("line");
    await output("cp", "/etc/hostname", "web:/tmp/name");
    expect(await output("exec", "web", "cat", "/tmp/name")).toBe(readFileSync("/etc/hostname", "utf8").trim());
    expect(await cli("cp", "/no/such/file", "web:/tmp")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("Cannot copy /no/such/file: there is no such"),
    });
    const target = join(lab.root.root, "copied");
    await output("cp", "web:/typed", target);
    expect(readFileSync(target, "utf8")).toBe("in");
    expect((await cli("rm", "web")).status).toBe(1);
    expect((await cli("volume", "rm", "data")).status).toBe(1);
    expect(await output("stop", "-t", "0", "web")).toBe("web");
    expect(await output("rm", "web")).toBe("web");
    expect(await output("volume", "rm", "data")).toBe("data");
    expect((await cli("inspect", "web")).status).toBe(1);
  });

  test("settles by itself: --rm in the background leaves nothing", async () => {
    const id = await output("run", "-d", "--rm", IMAGE, "true");
    await expect.poll(async () => await output("ps", "-aq")).toBe("");
    expect(existsSync(join(lab.root.root, "containers", id))).toBe(false);
    expect(await lab.leftovers()).toEqual([]);
  });

  test("logs -f follows to the end", async () => {
    await output("run", "-d", "--name", "talker", "--network", "none", IMAGE, "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done");
    expect(await output("logs", "-f", "talker")).toBe("1\n2\n3");
  });

  test("comes again by its policy, until it is stopped", async () => {
    await output("run", "-d", "--name", "phoenix", "--restart", "always", "--network", "none", IMAGE, "sh", "-c", "echo up; sleep 0.1");
    await expect.poll(async () => (await output("logs", "phoenix")).match(/up/g)?.length ?? 0, { timeout: 60_000 }).toBeGreaterThanOrEqual(3);
    expect(Number(await output("inspect", "-f", "{{.RestartCount}}", "phoenix"))).toBeGreaterThanOrEqual(2);
    await output("stop", "-t", "0", "phoenix");
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await output("inspect", "-f", "{{.State.Status}}", "phoenix")).toBe("exited");
  });
});

describe("kill -9 of `run --rm` at any moment", () => {
  test.each([20, 60, 90, 110, 130, 150, 170, 190, 210, 230, 260, 300])("after %i ms: sweep leaves nothing", async (delay) => {
    const child = spawn(process.execPath, [strata, "run", "--rm", "-p", "80", "-v", "/anonymous", IMAGE, "sleep", "0.4"], {
      env: lab.root.env,
      stdio: "ignore",
    });
    const gone = new Promise((resolve) => child.once("exit", resolve));
    await new Promise((resolve) => setTimeout(resolve, delay));
    child.kill("SIGKILL");
    await gone;
    for (let attempt = 0; attempt < 60; attempt++) {
      await lab.engine.sweep();
      if (leftovers(lab.root).length === 0) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await lab.leftovers()).toEqual([]);
    await expect.poll(async () => await lab.engine.list()).toEqual([]); // its record goes after its folder
    await expect.poll(async () => await lab.engine.volumes.list()).toEqual([]);
  });
});

/** strata attach by its own verb: on a real terminal and on pipes, what is typed, left, joined again, refused, and told by its status. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { runStrata } from "../support/cli.ts";
import { eventually } from "../support/cluster.ts";
import { strata } from "../support/root.ts";
import { openTerminal, type Terminal } from "../support/terminal.ts";

vi.setConfig({ testTimeout: 90_000 });

const ROWS = 12;

let box: Box;
beforeAll(async () => {
  box = await openBox("sh cat sleep stty true");
});
afterEach(async () => await removeAll());
afterAll(async () => await box[Symbol.asyncDispose]());

async function removeAll(): Promise<void> {
  const names = (await box.strata("ps", "-aq")).split("\n").filter((id) => id !== "");
  if (names.length > 0) await box.strata("rm", "-f", ...names);
}

async function start(name: string, flags: readonly string[], ...command: readonly string[]): Promise<void> {
  await box.strata("run", "-d", "--name", name, "--network", "none", ...flags, BOX_IMAGE, ...command);
}

describe("on a terminal", () => {
  const attach = (name: string, flags = ""): Terminal =>
    openTerminal(`${process.execPath} ${strata} attach ${flags} ${name}`, { columns: 80, rows: ROWS, env: box.root.env });
  const shows = async (terminal: Terminal, text: string | RegExp): Promise<void> =>
    await eventually(async () => await Promise.resolve(expect(terminal.screen()).toMatch(text)), 30_000);

  test("a shell is typed into, left with the keys, joined again, and its status is attach's", async () => {
    await start("shell", ["-it", "-e", "PS1="], "sh");
    const leave = async (flags: string, word: string, ...keys: readonly string[]): Promise<void> => {
      using terminal = attach("shell", flags);
      terminal.type(`count=x$count; echo ${word}-$count`, "Enter");
      await shows(terminal, new RegExp(`^${word}-x`, "m")); // the shell's answer, not the echo of what was typed
      terminal.type(...keys);
      await shows(terminal, "ended with 0");
      expect(await box.strata("inspect", "-f", "{{.State.Running}}", "shell")).toBe("true");
    };
    await leave("", "first", "C-p", "C-q");
    await leave("--detach-keys ctrl-a,d", "second", "C-a", "d");
    using terminal = attach("shell");
    terminal.type("echo third-x$count", "Enter");
    await shows(terminal, /^third-xxx$/m); // it is the same shell all along
    terminal.type("exit 7", "Enter");
    await shows(terminal, "ended with 7");
  });

  test("ctrl-c is the program's where stdin is, and the client's where it is not", async () => {
    await start("loop", ["-it"], "sh", "-c", "trap 'echo interrupted' INT; while :; do echo tick; sleep 0.2; done");
    using watcher = attach("loop", "--no-stdin");
    using typist = attach("loop");
    await shows(watcher, "tick");
    await shows(typist, "tick");
    typist.type("C-c");
    await shows(watcher, "interrupted");
    watcher.type("C-c");
    await shows(watcher, "ended with 130");
    expect(typist.screen().match(/interrupted/g)).toHaveLength(1);
    await box.strata("rm", "-f", "loop");
    await shows(typist, "ended with 137");
  });

  test("a program draws again for each who comes, in the size of that terminal", async () => {
    await start("drawer", ["-it"], "sh", "-c", "trap 'stty size' WINCH; while :; do sleep 0.1; done");
    for (let times = 0; times < 2; times++) {
      using terminal = attach("drawer");
      await shows(terminal, new RegExp(`^${ROWS} 80$`, "m"));
      terminal.type("C-p", "C-q");
      await shows(terminal, "ended with 0");
    }
  });
});

interface Client {
  readonly process: ChildProcess;
  said(): string;
  /** Its status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

function attachPiped(...args: readonly string[]): Client {
  const child = spawn(process.execPath, [strata, "attach", ...args], { env: box.root.env });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (said += data.toString()));
  child.stdin.on("error", () => undefined); // it may have ended
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  return { process: child, said: () => said, ended };
}

const says = async (client: Client, text: string): Promise<void> => await eventually(async () => await Promise.resolve(expect(client.said()).toContain(text)));

describe("on pipes", () => {
  test("stdin reaches the program unless --no-stdin, and outlives a client that ends its own", async () => {
    await start("echo", ["-i"], "cat");
    const watcher = attachPiped("--no-stdin", "echo");
    watcher.process.stdin?.end("lost\n");
    const first = attachPiped("echo");
    first.process.stdin?.end("first\n");
    await says(first, "first");
    const second = attachPiped("echo");
    await eventually(async () => {
      second.process.stdin?.write("second\n");
      await Promise.resolve(expect(watcher.said()).toContain("second"));
    });
    await box.strata("rm", "-f", "echo");
    expect(await Promise.all([watcher, first, second].map(async ({ ended }) => await ended))).toEqual([137, 137, 137]);
    expect(watcher.said() + second.said()).not.toContain("lost");
  });

  test.each([
    { name: "that stays", flags: [] },
    { name: "that goes with its end", flags: ["--rm"] },
  ])("the status of a program $name is attach's", async ({ flags }) => {
    await start("asker", ["-i", ...flags], "sh", "-c", "read status; echo asked; exit $status");
    expect(await runStrata(box.root, ["attach", "asker"], { input: "7\n" })).toEqual({ status: 7, stdout: "asked\n", stderr: "" });
  });

  const LOOP = "trap 'echo told' USR1; trap 'exit 9' TERM; while :; do echo tick; sleep 0.2; done";

  test("signals reach the program, and what it makes of them is attach's status", async () => {
    await start("told", [], "sh", "-c", LOOP);
    const client = attachPiped("told");
    await says(client, "tick");
    client.process.kill("SIGUSR1");
    await says(client, "told");
    client.process.kill("SIGTERM");
    expect(await client.ended).toBe(9);
  });

  test("with --sig-proxy=false they end the client alone", async () => {
    await start("untold", [], "sh", "-c", LOOP);
    const client = attachPiped("--sig-proxy=false", "untold");
    await says(client, "tick");
    client.process.kill("SIGTERM");
    expect(await client.ended).not.toBe(0);
    expect(await box.strata("inspect", "-f", "{{.State.Running}}", "untold")).toBe("true");
    expect(await box.strata("logs", "untold")).not.toContain("told");
  });
});

describe("refused in docker's words", () => {
  test.each([
    { name: "a created one", make: ["create"], words: "You cannot attach to a stopped container, start it first" },
    { name: "a paused one", make: ["run", "-d"], verb: "pause", words: "You cannot attach to a paused container, unpause it first" },
    { name: "one that was killed", make: ["run", "-d"], verb: "kill", words: "You cannot attach to a stopped container, start it first" },
    { name: "a terminal's without one", make: ["run", "-dit"], words: "the input device is not a TTY" },
  ])("$name", async ({ make, verb, words }) => {
    await box.strata(...make, "--name", "refused", "--network", "none", BOX_IMAGE, "sleep", "300");
    if (verb !== undefined) await box.strata(verb, "refused");
    await eventually(async () => expect(await box.attempt("attach", "refused")).toEqual({ status: 1, stdout: "", stderr: `strata: ${words}\n` }));
  });

  test("one that is not there, and keys that are none", async () => {
    expect(await box.attempt("attach", "absent")).toEqual({ status: 1, stdout: "", stderr: "strata: No such container: absent\n" });
    await box.strata("create", "--name", "there", "--network", "none", BOX_IMAGE, "true");
    expect((await box.attempt("attach", "--detach-keys", "ctrl-1", "there")).stderr).toMatch(/unknown key "ctrl-1"/);
  });
});

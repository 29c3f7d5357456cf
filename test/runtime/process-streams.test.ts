/** Streams: nothing lost, nothing mixed up; logs; terminals. */
import { createHash, randomBytes } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import type { Attachment, Stdio } from "../../runtime/process.ts";
import { openedForAll } from "../support/opened.ts";
import { openLab, type Overrides } from "./lab.ts";

const lab = openedForAll(openLab);

const MIB = 1 << 20;

async function start(script: string, stdio: Stdio, overrides?: Overrides): Promise<{ readonly id: string; readonly attachment: Attachment }> {
  const { state, attachment } = await lab.processes.run({ ...lab.request(["sh", "-c", script], overrides), stdio }, { attach: true });
  if (attachment === undefined) throw new Error("not attached");
  return { id: state.id, attachment };
}

async function readAll({ output }: Attachment): Promise<{ readonly stdout: Buffer; readonly stderr: Buffer }> {
  const parts = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  for await (const { stream, data } of output) parts[stream].push(data);
  return { stdout: Buffer.concat(parts.stdout), stderr: Buffer.concat(parts.stderr) };
}

const piped = { kind: "monitor", stdin: true } as const;

describe("attached", () => {
  test("ten megabytes go in and come out unchanged, and nothing heaps up", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): unknown => warnings.push(warning);
    process.on("warning", onWarning);
    const data = randomBytes(10 * MIB);
    const { id, attachment } = await start("cat", piped);
    const reading = readAll(attachment);
    for (let at = 0; at < data.length; at += MIB / 2) await attachment.write(data.subarray(at, at + MIB / 2));
    attachment.closeStdin();
    const { stdout } = await reading;
    expect(createHash("sha256").update(stdout).digest("hex")).toBe(createHash("sha256").update(data).digest("hex"));
    expect((await lab.processes.wait(id)).exitCode).toBe(0);
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
  });

  test("all output of a program that ends at once arrives", async () => {
    for (let round = 0; round < 5; round++) {
      const { attachment } = await start("echo first; head -c 300000 /dev/zero; echo last >&2", piped);
      const { stdout, stderr } = await readAll(attachment);
      expect([stdout.length, stdout.subarray(0, 6).toString(), stderr.toString()]).toEqual([300_006, "first\n", "last\n"]);
    }
  });

  test("a reader that waits makes the program wait", async () => {
    const { id, attachment } = await start("head -c 8000000 /dev/zero; echo done >&2", piped);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await lab.processes.state(id))?.status).toBe("running");
    const { stdout, stderr } = await readAll(attachment);
    expect([stdout.length, stderr.toString()]).toEqual([8_000_000, "done\n"]);
  });

  test("a program that reads nothing can be left", async () => {
    const { id, attachment } = await start("sleep 600", piped);
    await Promise.race([attachment.write(Buffer.alloc(4 * MIB)), new Promise((resolve) => setTimeout(resolve, 100))]);
    await attachment[Symbol.asyncDispose]();
    expect((await lab.processes.state(id))?.status).toBe("running");
    await lab.processes.remove(id);
  });

  test("several clients see the same output", async () => {
    const { id, attachment } = await start("read x; read y; echo got it", piped);
    const others = await Promise.all([lab.processes.attach(id), lab.processes.attach(id)]);
    const reading = [attachment, ...others].map(async (one) => (await readAll(one)).stdout.toString());
    for (const other of others) await other.write(Buffer.from("a line\n")); // who has been read has been let in
    expect(await Promise.all(reading)).toEqual(["got it\n", "got it\n", "got it\n"]);
  });

  test("without kept stdin the program reads its end", async () => {
    const { attachment } = await start("cat; echo end", { kind: "monitor", stdin: false });
    expect((await readAll(attachment)).stdout.toString()).toBe("end\n");
  });
});

describe("log", () => {
  const logOf = async (script: string, format: "json" | "cri"): Promise<readonly string[]> => {
    const path = join(lab.folder, `${lab.id()}.log`);
    const { state } = await lab.processes.run({ ...lab.request(["sh", "-c", script]), stdio: { kind: "monitor", stdin: false, log: { path, format } } });
    await lab.processes.wait(state.id);
    return readFileSync(path, "utf8").split("\n").slice(0, -1);
  };
  const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;

  test("json: one record a line, as docker's json-file", async () => {
    const lines = (await logOf(String.raw`printf 'a "b"\\ \t\303\251 \377\n'; echo err >&2; printf end`, "json")).map(
      (line) => JSON.parse(line) as { log: string; stream: string; time: string },
    );
    expect(lines.map(({ log, stream }) => `${stream}: ${log}`).toSorted()).toEqual(["stderr: err\n", 'stdout: a "b"\\ \té \ufffd\n', "stdout: end"]);
    for (const { time } of lines) expect(time).toMatch(TIME);
  });

  test("cri: time, stream, tag, text", async () => {
    const lines = (await logOf("echo one; echo two >&2; printf end", "cri")).map((line) => line.split(" "));
    expect(lines.map(([, ...rest]) => rest.join(" ")).toSorted()).toEqual(["stderr F two", "stdout F one", "stdout P end"]);
    for (const [time] of lines) expect(time).toMatch(TIME);
  });

  test("a line longer than 16 KiB comes in parts", async () => {
    const lines = await logOf("head -c 40000 /dev/zero | tr '\\0' x; echo", "cri");
    expect(lines.map((line) => [line.split(" ")[2], line.split(" ")[3]?.length])).toEqual([
      ["P", 16384],
      ["P", 16384],
      ["F", 7232],
    ]);
  });

  test.each(["json", "cri"] as const)("%s: a full file is put aside, and only so many are kept", async (format) => {
    const path = join(lab.folder, `${lab.id()}.log`);
    const log = { path, format, maxSize: 4096, maxFiles: 3 };
    const { state } = await lab.processes.run({ ...lab.request(["sh", "-c", "seq 1 400"]), stdio: { kind: "monitor", stdin: false, log } });
    await lab.processes.wait(state.id);
    const found = readdirSync(lab.folder).filter((name) => join(lab.folder, name).startsWith(path));
    expect(found.map((name) => join(lab.folder, name)).toSorted()).toEqual([path, `${path}.1`, `${path}.2`]);
    for (const name of found) expect(statSync(join(lab.folder, name)).size).toBeLessThanOrEqual(4096);
    const numbers = [`${path}.2`, `${path}.1`, path].flatMap((file) => readFileSync(file, "utf8").split("\n").slice(0, -1)).map(numberIn);
    expect(numbers.at(-1)).toBe(400);
    expect(numbers).toEqual(numbers.map((_, index) => 400 - numbers.length + 1 + index));
  });

  test("one file alone begins anew when it is full", async () => {
    const path = join(lab.folder, `${lab.id()}.log`);
    const log = { path, format: "cri", maxSize: 1000 } as const;
    const { state } = await lab.processes.run({ ...lab.request(["sh", "-c", "seq 1 400"]), stdio: { kind: "monitor", stdin: false, log } });
    await lab.processes.wait(state.id);
    expect(statSync(path).size).toBeLessThanOrEqual(1000);
    expect(numberIn(readFileSync(path, "utf8").trimEnd().split("\n").at(-1) ?? "")).toBe(400);
  });

  test("as many files are kept as one likes, and a rotation costs no more for it", async () => {
    const path = join(lab.folder, `${lab.id()}.log`);
    const log = { path, format: "cri", maxSize: 4000, maxFiles: 2 ** 32 } as const;
    const { state } = await lab.processes.run({ ...lab.request(["sh", "-c", "seq 1 400"]), stdio: { kind: "monitor", stdin: false, log } });
    await lab.processes.wait(state.id);
    const files = readdirSync(lab.folder).filter((name) => join(lab.folder, name).startsWith(path));
    const lines = files.flatMap((name) => readFileSync(join(lab.folder, name), "utf8").split("\n").slice(0, -1));
    expect(lines.map(numberIn).toSorted((one, other) => one - other)).toEqual(Array.from({ length: 400 }, (_, index) => index + 1));
  });

  test("a record that a full disk cut off takes no other with it", async () => {
    const disk = join(lab.folder, lab.id());
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", disk]);
    try {
      const path = join(disk, "log");
      writeFileSync(join(disk, "ballast"), Buffer.alloc(8192)); // half of it
      const script = "head -c 9000 /dev/zero | tr '\\0' x; echo; read go; echo after";
      const request = { ...lab.request(["sh", "-c", script]), stdio: { kind: "monitor", stdin: true, log: { path, format: "cri" } } } as const;
      const { state, attachment } = await lab.processes.run(request, { attach: true });
      await vi.waitFor(() => expect(statSync(path).size).toBe(8192), 20_000);
      rmSync(join(disk, "ballast"));
      await attachment?.write(Buffer.from("go\n"));
      await lab.processes.wait(state.id);
      expect(readFileSync(path, "utf8").split("\n").at(-2)).toMatch(/^\S+ stdout F after$/);
    } finally {
      execFileSync("umount", ["-l", disk]); // its monitor may still have the log open
    }
  });

  test("what the program wrote last is in the log when its exit is known", async () => {
    const lines = await logOf("yes line | head -n 20000", "cri");
    expect(lines).toHaveLength(20_000);
  });
});

/** What seq(1) said in a record of either format. */
function numberIn(line: string): number {
  return Number(/(\d+)(?:\\n.*)?$/.exec(line)?.[1]);
}

describe("terminal", () => {
  const terminal: Overrides = { process: { terminal: true, consoleSize: { width: 100, height: 30 } } };

  test("the three streams are one terminal of the given size, and it follows", async () => {
    const { id, attachment } = await start(
      "trap 'stty size; exit 4' WINCH; tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; stty size; while :; do sleep 0.05; done",
      piped,
      terminal,
    );
    let text = "";
    for await (const { data } of attachment.output) {
      text += Buffer.from(data).toString();
      if (text.endsWith("30 100\r\n")) attachment.resize({ width: 50, height: 20 });
    }
    expect(text).toBe("/dev/pts/0\r\nall\r\n30 100\r\n20 50\r\n");
    expect((await lab.processes.wait(id)).exitCode).toBe(4);
  });

  test("typed control characters are signals, and the end of input is one", async () => {
    const interrupted = await start("trap 'echo int; exit 5' INT; echo up; while :; do sleep 0.05; done", piped, terminal);
    for await (const { data } of interrupted.attachment.output)
      if (Buffer.from(data).toString().includes("up")) await interrupted.attachment.write(Buffer.from("\u0003"));
    expect((await lab.processes.wait(interrupted.id)).exitCode).toBe(5);
    const ended = await start("cat; exit 6", piped, terminal);
    ended.attachment.closeStdin();
    await readAll(ended.attachment);
    expect((await lab.processes.wait(ended.id)).exitCode).toBe(6);
  });

  test("/dev/console is the terminal, and another user may use it", async () => {
    const { attachment } = await start("[ /dev/console -ef $(tty) ] && echo said > /dev/console && echo more > $(tty)", piped, {
      process: { ...terminal.process, user: { uid: 1000, gid: 1000 } },
    });
    expect((await readAll(attachment)).stdout.toString()).toBe("said\r\nmore\r\n");
  });

  test("it is the controlling terminal, so that a shell has jobs", async () => {
    const { attachment } = await start("cat /dev/tty > /dev/null & ps -o tty= -p $$; kill $!", piped, terminal);
    expect((await readAll(attachment)).stdout.toString()).toContain("pts/0");
  });
});

/** From create to remove: states, names, streams, files in and out, restarts, and what a crash leaves. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pack, extract } from "tar-stream";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { programs, projectRoot } from "../support/root.ts";
import { catches } from "../support/signals.ts";
import { labOfFile } from "./engine-lab.ts";

const lab = labOfFile();

const sh = (script: string): readonly string[] => ["/bin/sh", "-c", script];
const options = (command: readonly string[]) => ({ image: lab.image, network: { kind: "none" } as const, command });

async function text(output: AsyncIterable<{ readonly data: Uint8Array }> | undefined): Promise<string> {
  let said = "";
  for await (const { data } of output ?? []) said += Buffer.from(data).toString();
  return said;
}

/** After each line there is a file in the container that is called as the count of lines so far. */
async function logs(id: string, logOptions: Parameters<typeof lab.engine.logs>[1] & { readonly tells?: boolean } = {}): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { stream, text: line } of lab.engine.logs(id, logOptions)) {
    lines.push(`${stream} ${Buffer.from(line).toString().trimEnd()}`);
    if (logOptions.tells === true) await (await lab.engine.exec(id, { command: ["touch", `/${lines.length}`] })).exit;
  }
  return lines;
}
const until = (file: string): string => `until [ -e /${file} ]; do sleep 0.05; done`;

describe("states", () => {
  test("a start that was killed before the program began leaves the container as it was created", async () => {
    const { record } = await lab.engine.create(options(["sleep", "600"]));
    const { root, runRoot } = lab.root;
    const script = `import { openEngine } from ${JSON.stringify(join(projectRoot, "dist/runtime/open-engine.js"))};
      import { openProcesses } from ${JSON.stringify(join(projectRoot, "dist/runtime/open-processes.js"))};
      import { openStore } from ${JSON.stringify(join(projectRoot, "dist/store/open.js"))};
      const [root, runRoot, programs] = ${JSON.stringify([root, runRoot, programs])};
      const processes = await openProcesses({ runRoot, helper: programs.helper });
      const dying = Object.assign(Object.create(processes), { run: () => process.kill(process.pid, "SIGKILL") });
      const engine = await openEngine({ root, runRoot, programs, self: ["false"], store: await openStore({ root, treeTool: programs.tree }), processes: dying });
      await engine.start(${JSON.stringify(record.id)});`;
    const starter = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    expect(await new Promise((resolve) => starter.once("exit", (_, signal) => resolve(signal)))).toBe("SIGKILL");
    const { status } = await lab.engine.get(record.id);
    expect(status).toEqual({ status: "created", pid: 0 });
    await lab.engine.start(record.id, { settle: "caller" });
    expect((await lab.engine.get(record.id)).status.status).toBe("running");
  });

  test("a removal that fails is told by the container, whoever asked for it, and can be tried again", async () => {
    const { record } = await lab.engine.create(options(["true"]));
    const busy = join(lab.root.root, "containers", record.id, "busy");
    mkdirSync(busy);
    execFileSync("mount", ["-t", "tmpfs", "none", busy]);
    try {
      await expect(lab.engine.remove(record.id)).rejects.toThrow("something is mounted on");
      expect((await lab.engine.get(record.id)).status.error).toMatch(/^Its removal failed: .* something is mounted on/);
    } finally {
      execFileSync("umount", [busy]);
    }
    await lab.engine.remove(record.id);
    await expect(lab.engine.get(record.id)).rejects.toThrow("No such container");
  });

  test("go from created to running, paused, running, exited", async () => {
    const { record } = await lab.engine.create(options(["sleep", "600"]));
    const status = async (): Promise<string> => (await lab.engine.get(record.id)).status.status;
    expect(await status()).toBe("created");
    await lab.engine.start(record.id);
    expect(await status()).toBe("running");
    await lab.engine.pause(record.id);
    expect(await status()).toBe("paused");
    await expect(lab.engine.remove(record.id)).rejects.toMatchObject({ code: "CONTAINER_STATE" });
    await lab.engine.unpause(record.id);
    await lab.engine.stop(record.id, { timeout: 0 });
    expect(await lab.engine.get(record.id)).toMatchObject({ status: { status: "exited", exit: { exitCode: 137 } } });
    await lab.engine.start(record.id);
    expect(await status()).toBe("running");
    await lab.engine.kill(record.id, "KILL");
    expect((await lab.engine.wait(record.id)).exitCode).toBe(137);
  });

  test("start of one that runs is refused, stop of one that does not is nothing", async () => {
    const { record } = await lab.background(["sleep", "600"]);
    await expect(lab.engine.start(record.id)).rejects.toMatchObject({ code: "CONTAINER_STATE" });
    await lab.engine.stop(record.id, { timeout: 0 });
    await lab.engine.stop(record.id);
  });

  test("a stop signal is obeyed before the patience ends", async () => {
    const { record } = await lab.background(sh("trap 'exit 5' USR1; while :; do sleep 0.05; done"), { stopSignal: "SIGUSR1" });
    const pid = (await lab.engine.get(record.id)).status.pid ?? 0;
    await expect.poll(() => catches(pid, "SIGUSR1")).toBe(true);
    await lab.engine.stop(record.id, { timeout: 60 });
    expect((await lab.engine.get(record.id)).status.exit?.exitCode).toBe(5);
  });
});

describe("names", () => {
  test("belong to one container, also when ten ask at once", async () => {
    const all = await Promise.allSettled(Array.from({ length: 10 }, async () => await lab.engine.create({ ...options(["true"]), name: "only" })));
    expect(all.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    expect(await lab.engine.list()).toHaveLength(1);
  });
  test("find a container as its id and id prefix do, and change", async () => {
    const { record } = await lab.engine.create({ ...options(["true"]), name: "first" });
    for (const reference of ["first", "/first", record.id, record.id.slice(0, 12)]) expect((await lab.engine.get(reference)).record.id).toBe(record.id);
    await lab.engine.rename("first", "second");
    await expect(lab.engine.get("first")).rejects.toMatchObject({ code: "CONTAINER_UNKNOWN" });
    expect((await lab.engine.get("second")).record.name).toBe("second");
  });
  test.each(["a", "-x", "a b", "a/b", "."])("are refused: %j", async (name) => {
    await expect(lab.engine.create({ ...options(["true"]), name })).rejects.toMatchObject({ code: "NAME_INVALID" });
  });
});

describe("streams", () => {
  test("stdin reaches the program and its end too", async () => {
    const { record } = await lab.engine.create({ ...options(["cat"]), openStdin: true });
    const { attachment } = await lab.engine.start(record.id, { attach: true, settle: "caller" });
    await attachment?.write(Buffer.from("typed\n"));
    attachment?.closeStdin();
    expect(await text(attachment?.output)).toBe("typed\n");
    expect((await lab.engine.wait(record.id)).exitCode).toBe(0);
  });
  test("a terminal is one", async () => {
    const done = await lab.run(["tty"], { tty: true, autoRemove: true });
    expect(done.stdout).toMatch(/^\/dev\/(pts\/\d+|console)\r\n$/);
  });
  test("logs follow to the end and can begin at the tail", async () => {
    const { record } = await lab.background(sh(`echo one; ${until("1")}; echo two >&2; ${until("2")}; echo three; ${until("3")}`));
    expect(await logs(record.id, { follow: true, tells: true })).toEqual(["stdout one", "stderr two", "stdout three"]);
    expect(await logs(record.id, { tail: 1 })).toEqual(["stdout three"]);
    expect(await logs(record.id, { since: new Date(Date.now() + 60_000).toISOString() })).toEqual([]);
  });
});

describe("a log that is rotated", () => {
  const rotated = { format: "cri", maxSize: 2000, maxFiles: 4 } as const;
  const count = (from: number, to: number): readonly string[] => Array.from({ length: to - from + 1 }, (_, index) => `stdout ${from + index}`);

  test("is read as one", async () => {
    const { record } = await lab.background(sh("seq 1 100"), { log: { ...rotated, format: "json" } });
    await lab.engine.wait(record.id);
    expect(await logs(record.id)).toEqual(count(1, 100));
    expect(await logs(record.id, { tail: 60 })).toEqual(count(41, 100));
    expect(await logs(record.id, { tail: 0 })).toEqual([]);
  });

  test("is followed from file to file, without loss", async () => {
    const { record } = await lab.background(sh("seq 1 20; for i in $(seq 21 120); do echo $i; sleep 0.01; done"), { log: rotated });
    expect(await logs(record.id, { follow: true })).toEqual(count(1, 120));
    const late = await lab.background(sh(`seq 1 100; ${until("1")}; seq 101 120; ${until("21")}`), { log: rotated });
    await expect.poll(async () => (await logs(late.record.id)).at(-1)).toBe("stdout 100");
    expect(await logs(late.record.id, { follow: true, tail: 1, tells: true })).toEqual(count(100, 120));
  });
});

test("what was paused for a moment by somebody who was killed goes on with the next look; what was paused by hand does not", async () => {
  const { record } = await lab.background(["sleep", "600"]);
  const marker = join(lab.root.root, "containers", record.id, "paused-by");
  const status = async (): Promise<string> => (await lab.engine.get(record.id)).status.status;
  await lab.engine.pause(record.id);
  writeFileSync(marker, JSON.stringify({ pid: process.pid, startTime: 1 }));
  expect(await status()).toBe("running");
  writeFileSync(marker, JSON.stringify({ pid: process.pid, startTime: 1 }));
  await lab.engine.pause(record.id);
  expect(await status()).toBe("paused");
  expect(existsSync(marker)).toBe(false);
});

describe("exec", () => {
  test("has the container's environment, its own user and folder, and its exit code", async () => {
    const { record } = await lab.background(["sleep", "600"], { env: ["OF=container"] });
    const { attachment, exit } = await lab.engine.exec(record.id, {
      command: sh("echo $OF $MINE $(id -un) $(pwd) $HOME; exit 9"),
      env: ["MINE=exec"],
      user: "alice",
      cwd: "/tmp",
    });
    expect(await text(attachment?.output)).toBe("container exec alice /tmp /home/alice\n");
    expect((await exit).exitCode).toBe(9);
  });
  test("knows a user that was added after the start", async () => {
    const { record } = await lab.background(sh("echo bob:x:55:55::/tmp:/bin/sh >> /etc/passwd; sleep 600"));
    const asBob = async (): Promise<string> => await text((await lab.engine.exec(record.id, { command: ["id", "-u"], user: "bob" })).attachment?.output);
    await expect.poll(async () => await asBob().catch(String), { timeout: 60_000 }).toBe("55\n");
  });
  test("does not make the working folder that it is given", async () => {
    const { record } = await lab.background(["sleep", "600"]);
    await expect(lab.engine.exec(record.id, { command: ["true"], cwd: "/no/such" })).rejects.toMatchObject({ code: "COMMAND_NOT_EXECUTABLE" });
    const { exit } = await lab.engine.exec(record.id, { command: sh("test ! -e /no") });
    expect((await exit).exitCode).toBe(0);
  });
  test("is refused where nothing runs and for what is no program", async () => {
    const { record } = await lab.engine.create(options(["true"]));
    await expect(lab.engine.exec(record.id, { command: ["true"] })).rejects.toMatchObject({ code: "CONTAINER_STATE" });
    const running = await lab.background(["sleep", "600"]);
    await expect(lab.engine.exec(running.record.id, { command: ["nothing-such"] })).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
  });
});

describe("copy", () => {
  async function names(tar: AsyncIterable<Uint8Array>): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {};
    const entries = extract();
    const source = Readable.from(tar);
    source.on("error", (error) => entries.destroy(error)).pipe(entries);
    for await (const entry of entries) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk as Buffer);
      found[entry.header.name] = entry.header.type === "symlink" ? `-> ${entry.header.linkname}` : Buffer.concat(chunks).toString();
    }
    return found;
  }
  function tarOf(files: Readonly<Record<string, string>>, link?: readonly [string, string]): AsyncIterable<Uint8Array> {
    const tar = pack();
    if (link !== undefined) tar.entry({ name: link[0], type: "symlink", linkname: link[1] });
    for (const [name, content] of Object.entries(files)) tar.entry({ name, mode: 0o640 }, content);
    tar.finalize();
    return Readable.from(tar);
  }

  test.each([true, false])("out and in, running %s", async (isRunning) => {
    const volume = { kind: "volume", target: "/vol" } as const;
    const done = await lab.background(
      sh(`mkdir -p /made/deep; echo hi > /made/deep/file; ln -s deep/file /made/link; echo v > /vol/v; ${isRunning ? "sleep 600" : "true"}`),
      { mounts: [volume] },
    );
    const { id } = done.record;
    if (isRunning) await expect.poll(async () => await names(lab.engine.copyOut(id, "/vol/v")).catch(() => ({}))).toEqual({ v: "v\n" }); // it is made last
    else await lab.engine.wait(id);
    expect(await names(lab.engine.copyOut(id, "/made"))).toEqual({ "made/": "", "made/deep/": "", "made/deep/file": "hi\n", "made/link": "-> deep/file" });
    expect(await names(lab.engine.copyOut(id, "/vol/v"))).toEqual({ v: "v\n" });
    await lab.engine.copyIn(id, "/made", tarOf({ "put/in": "content" }));
    await lab.engine.copyIn(id, "/vol", tarOf({ put: "volume" }));
    expect(await names(lab.engine.copyOut(id, "/made/put/in"))).toEqual({ in: "content" });
    expect(await names(lab.engine.copyOut(id, "/vol/put"))).toEqual({ put: "volume" });
    await expect(lab.engine.copyIn(id, "/nowhere", tarOf({ x: "" }))).rejects.toMatchObject({ code: "PATH_UNKNOWN" });
    await expect(names(lab.engine.copyOut(id, "/nowhere"))).rejects.toMatchObject({ code: "PATH_UNKNOWN" });
  });

  test("through a sub-path of a bind, and never out of it when it became a link", async () => {
    const [shared, elsewhere] = [join(lab.root.root, "shared"), join(lab.root.root, "elsewhere")];
    for (const folder of [shared, elsewhere]) mkdirSync(folder);
    writeFileSync(join(elsewhere, "secret"), "host");
    const mount = { kind: "bind", source: shared, subPath: "part", target: "/part" } as const;
    const { id, exit } = await lab.run(sh("echo p > /part/p"), { mounts: [mount] });
    expect(exit.exitCode).toBe(0);
    expect(await names(lab.engine.copyOut(id, "/part/p"))).toEqual({ p: "p\n" });
    await lab.engine.copyIn(id, "/part", tarOf({ put: "in" }));
    expect(readdirSync(join(shared, "part")).toSorted()).toEqual(["p", "put"]);
    renameSync(join(shared, "part"), join(shared, "moved"));
    symlinkSync(elsewhere, join(shared, "part"));
    await expect(names(lab.engine.copyOut(id, "/part/secret"))).rejects.toThrow("bind: sub-path");
    await expect(lab.engine.copyIn(id, "/part", tarOf({ planted: "x" }))).rejects.toThrow("bind: sub-path");
    expect(readdirSync(elsewhere)).toEqual(["secret"]);
  });

  test("never leaves the container, whatever links say", async () => {
    const outside = join(lab.root.root, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "secret"), "host");
    const { id } = await lab.run(sh(`ln -s ${outside} /escape; ln -s ../../../../../../../../..${outside}/secret /up`));
    await expect(names(lab.engine.copyOut(id, "/escape/secret"))).rejects.toMatchObject({ code: "PATH_UNKNOWN" });
    await expect(names(lab.engine.copyOut(id, "/up"))).rejects.toMatchObject({ code: "PATH_UNKNOWN" });
    await lab.engine.copyIn(id, "/tmp", tarOf({ "way/planted": "x" }, ["way", outside])).catch(() => {});
    await expect(lab.engine.copyIn(id, "/tmp", tarOf({ "../../planted": "x" }))).rejects.toMatchObject({ code: "SPEC_INVALID" });
    expect(readdirSync(outside)).toEqual(["secret"]);
  });
});

describe("restart policies", () => {
  test("on-failure tries again so many times, counted", async () => {
    const { record } = await lab.engine.create({ ...options(sh("echo again; exit 3")), restart: { name: "on-failure", maximumRetryCount: 2 } });
    await lab.engine.start(record.id, { settle: "caller" });
    for (let attempt = 0; attempt < 3; attempt++) {
      await lab.engine.wait(record.id);
      await lab.engine.settle(record.id);
    }
    const { record: after, status } = await lab.engine.get(record.id);
    expect(after.restartCount).toBe(2);
    expect(status).toMatchObject({ status: "exited", exit: { exitCode: 3 } });
  });
  test("a stop is the end of it", async () => {
    const { record } = await lab.engine.create({ ...options(["sleep", "600"]), restart: { name: "always" } });
    await lab.engine.start(record.id, { settle: "caller" });
    await lab.engine.stop(record.id, { timeout: 0 });
    await lab.engine.settle(record.id);
    expect((await lab.engine.get(record.id)).status.status).toBe("exited");
  });
});

describe("update", () => {
  test("changes the limits of what runs", async () => {
    const { record } = await lab.background(["sleep", "600"], { limits: { memory: 64 << 20 } });
    await lab.engine.update(record.id, { memory: 96 << 20, memorySwap: 192 << 20 });
    expect((await lab.engine.usage(record.id)).memoryLimit).toBe(96 << 20);
    expect((await lab.engine.get(record.id)).record.options.limits).toMatchObject({ memory: 96 << 20 });
  });
});

/** Published ports on [::1], where no rule of the kernel leads on: carried by a process that is there as long as they are published. */
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";
import { freePort } from "../support/free-port.ts";

vi.setConfig({ testTimeout: 180_000 });

let box: Box;
beforeAll(async () => {
  box = await openBox("sh sleep node true");
}, 180_000);
afterEach(async () => void (await box.attempt("rm", "-f", "served")));
afterAll(async () => await box[Symbol.asyncDispose]());

/** Sends back what it is sent, by connections on 80 and datagrams on 81, of IPv4 alone. */
const ECHO = `require("net").createServer({ allowHalfOpen: true }, (s) => s.on("error", () => {}).pipe(s)).listen(80, "0.0.0.0", () => {
  const u = require("dgram").createSocket("udp4"); u.on("message", (m, r) => u.send(m, r.port, r.address)); u.bind(81, () => console.log("up")); });`;

async function serve(...flags: readonly string[]): Promise<void> {
  await box.strata("run", "-d", "--name", "served", ...flags, BOX_IMAGE, "node", "-e", ECHO);
  await up();
}

const up = async (): Promise<void> => await eventually(async () => expect(await box.strata("logs", "--tail", "1", "served")).toBe("up"));

/** All that comes back until the other side ends. @throws when refused or cut off */
async function exchange(host: string, port: number, sent: Buffer | string = "word"): Promise<Buffer> {
  const socket = connect({ host, port, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.end(sent);
  await once(socket, "end");
  return Buffer.concat(chunks);
}

/** Ports that nobody has on either loopback. */
async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort("::"));
  return [...ports];
}

/** The process that has the port may be ending, or just beginning. */
const refused = async (port: number): Promise<void> => await eventually(async () => await expect(exchange("::1", port)).rejects.toThrow(/ECONNREFUSED/));
const answered = async (port: number): Promise<void> => await eventually(async () => expect(String(await exchange("::1", port).catch(() => ""))).toBe("word"));
const carriersAre = async (count: number): Promise<void> => await eventually(async () => await Promise.resolve(expect(carriers()).toHaveLength(count)));

/** Processes that carry for this root: one, and its parent that follows it with another. */
function carriers(): readonly number[] {
  const file = join(box.root.runRoot, "loopback");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => commandOf(pid).includes(file));
}

function commandOf(pid: number): string {
  return textOf(`/proc/${pid}/cmdline`);
}

function statusOf(pid: number): string {
  return textOf(`/proc/${pid}/status`);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has ended
  }
}

test("a port without an address is on both loopbacks, one with an address on that alone", async () => {
  const [any = 0, fourth = 0, sixth = 0] = await freePorts(3);
  await serve("-p", `${any}:80`, "-p", `127.0.0.1:${fourth}:80`, "-p", `[::1]:${sixth}:80`);
  for (const [host, port] of [
    ["127.0.0.1", any],
    ["::1", any],
    ["127.0.0.1", fourth],
    ["::1", sixth],
  ] as const)
    expect(String(await exchange(host, port))).toBe("word");
  for (const [host, port] of [
    ["::1", fourth],
    ["127.0.0.1", sixth],
  ] as const)
    await expect(exchange(host, port)).rejects.toThrow(/ECONNREFUSED/);
  await carriersAre(2);
  await box.strata("rm", "-f", "served");
  await carriersAre(0);
  await refused(any);
});

test("many connections at once, megabytes both ways, and each end is told to the other side", async () => {
  const [port = 0] = await freePorts(1);
  await serve("-p", `${port}:80`);
  const sent = Buffer.alloc(3 << 20, "0123456789abcdef");
  const whole = await Promise.all(Array.from({ length: 20 }, async () => (await exchange("::1", port, sent)).equals(sent)));
  expect(whole).toEqual(Array.from({ length: 20 }, () => true));
});

test("a port that nothing listens on inside refuses, and the next ones go on", async () => {
  const [dead = 0, port = 0] = await freePorts(2);
  await serve("-p", `${dead}:4444`, "-p", `${port}:80`);
  await expect(exchange("::1", dead)).rejects.toThrow(/ECONNRESET/);
  expect(String(await exchange("::1", port))).toBe("word");
});

test("datagrams find their way back to each sender", async () => {
  const [port = 0] = await freePorts(1);
  await serve("-p", `${port}:81/udp`);
  const ask = async (word: string): Promise<string> => {
    const socket = createSocket("udp6");
    const again = setInterval(() => socket.send(word, port, "::1"), 100); // datagrams may be lost
    const [message] = (await once(socket, "message")) as [Buffer];
    clearInterval(again);
    socket.close();
    return String(message);
  };
  expect(await Promise.all(["one", "two", "three"].map(ask))).toEqual(["one", "two", "three"]);
});

test("a container that starts again has its ports again, whatever became of who carried", async () => {
  const [port = 0] = await freePorts(1);
  await serve("-p", `${port}:80`);
  await box.strata("restart", "-t", "0", "served");
  await answered(port);
  await killCarriers(port);
  await box.strata("restart", "-t", "0", "served");
  await answered(port);
  await carriersAre(2);
});

/** Whole: the parent first, whose end is its child's. */
async function killCarriers(port: number): Promise<void> {
  for (const pid of carriers()) if (!carriers().includes(parentOf(pid))) process.kill(pid, "SIGKILL");
  await carriersAre(0);
  await refused(port);
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(statusOf(pid))?.[1]);
}

/** The process that carries: the one whose parent does too. */
function carrier(): number {
  return carriers().find((pid) => carriers().includes(parentOf(pid))) ?? 0;
}

test("what carries is followed by another when it is killed, and comes back with the next command when it was killed whole", async () => {
  const [port = 0] = await freePorts(1);
  await serve("-p", `${port}:80`);
  const first = carrier();
  process.kill(first, "SIGKILL");
  await eventually(async () => await Promise.resolve(expect([0, first]).not.toContain(carrier())));
  await answered(port);
  await killCarriers(port);
  await box.strata("ps");
  await answered(port);
  await carriersAre(2);
  await Promise.all([1, 2, 3].map(async () => await box.strata("ps")));
  await carriersAre(2);
});

test("two thousand connections at once, each with its word, beside some that never read and some that never end", async () => {
  const [port = 0] = await freePorts(1);
  await serve("--ulimit", "nofile=8192", "-p", `${port}:80`);
  const flood = Buffer.alloc(8 << 20, "x");
  const idle = Array.from({ length: 200 }, (_, at) => {
    const socket = connect({ host: "::1", port, allowHalfOpen: true }).on("error", () => {});
    if (at % 2 === 0) socket.pause().write(at % 4 === 0 ? flood : "half"); // never reads
    else socket.end(); // has ended, and keeps its half open
    return socket;
  });
  const words = await Promise.all(Array.from({ length: 2000 }, async (_, at) => String(await exchange("::1", port, `word ${at}`))));
  expect(words).toEqual(Array.from({ length: 2000 }, (_, at) => `word ${at}`));
  for (const socket of idle) socket.destroy();
  await eventually(async () => await Promise.resolve(expect(openFiles()).toBeLessThan(20)));
});

function openFiles(): number {
  return readdirSync(`/proc/${carrier()}/fd`).length;
}

test("more than a thousand ports of one container are there", async () => {
  await serve("--expose", "80-1600", "-P");
  const ports = await box.strata("port", "served");
  expect(new Set(ports.match(/\d+$/gm)).size).toBe(1521);
  const [, port = ""] = /^80\/tcp -> .*:(\d+)$/m.exec(ports) ?? [];
  expect(String(await exchange("::1", Number(port)))).toBe("word");
});

test("without a descriptor for who has come it waits, instead of turning round and round, and takes them in later", async () => {
  const [port = 0] = await freePorts(1);
  await serve("-p", `${port}:80`);
  const pid = carrier();
  allow(pid, openFiles());
  const answers = Promise.all(Array.from({ length: 20 }, async () => String(await exchange("::1", port))));
  const before = ticks(pid);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  expect(ticks(pid) - before).toBeLessThan(10); // of 200
  allow(pid, 1024);
  expect(await answers).toEqual(Array.from({ length: 20 }, () => "word"));
});

/** So many descriptors; the hard limit stays. As the user that it is: root has no such right everywhere. */
function allow(pid: number, files: number): void {
  execFileSync("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "prlimit", `--pid=${pid}`, `--nofile=${files}:`]);
}

/** Hundredths of a second that it has worked. */
function ticks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
    .replace(/^.*\) /, "")
    .split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

test("a container whose supervisors were killed gives them back to the next command", async () => {
  const [port = 0] = await freePorts(1);
  await serve("-p", `${port}:80`);
  const id = await box.strata("inspect", "-f", "{{.Id}}", "served");
  const { keeper, monitor } = JSON.parse(readFileSync(join(box.root.runRoot, "containers", id, "pid"), "utf8")) as { keeper: number; monitor: number };
  execFileSync("sh", ["-c", `kill -KILL ${keeper} ${monitor} || true`], { stdio: "ignore" }); // the second may have gone with the first
  await eventually(async () => expect(await box.strata("ps", "-a", "--format", "{{.State}}")).toBe("exited"));
  await carriersAre(0);
  await box.strata("start", "served");
  await answered(port);
});

test("a container that leaves its network leaves its ports", async () => {
  const [port = 0] = await freePorts(1);
  await serve("-p", `${port}:80`);
  await box.strata("network", "disconnect", "bridge", "served");
  await carriersAre(0);
});

test("a port that a program has on [::1] is refused by name, and another is chosen where any will do", async () => {
  const server = createServer().listen(0, "::1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { status, stderr } = await box.attempt("run", "--rm", "-p", `${port}:80`, BOX_IMAGE, "true");
  server.close();
  expect(status).toBe(125);
  expect(stderr).toContain(`listen tcp6 [::1]:${port}: bind: address already in use`);
  await carriersAre(0);
});

test("nothing is started where nothing is published", async () => {
  await box.strata("run", "-d", "--name", "served", BOX_IMAGE, "sleep", "600");
  expect(carriers()).toEqual([]);
});

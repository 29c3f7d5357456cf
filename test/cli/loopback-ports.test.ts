/** Published ports on [::1], where no rule of the kernel leads on: carried by a process that is there as long as they are published. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";

vi.setConfig({ testTimeout: 90_000 });

let box: Box;
beforeAll(async () => {
  box = await openBox("sh sleep node true");
}, 60_000);
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
  const servers = Array.from({ length: count }, () => createServer().listen(0, "::"));
  await Promise.all(servers.map(async (server) => await once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async (server) => await new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Processes that carry for this root. */
function carriers(): readonly number[] {
  const file = join(box.root.runRoot, "loopback");
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => commandOf(pid).includes(file));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
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
  expect(carriers()).toHaveLength(1);
  await box.strata("rm", "-f", "served");
  await eventually(async () => await Promise.resolve(expect(carriers()).toEqual([])));
  await expect(exchange("::1", any)).rejects.toThrow(/ECONNREFUSED/);
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
  await eventually(async () => expect(String(await exchange("::1", port).catch(() => ""))).toBe("word"));
  const [carrier = 0] = carriers();
  process.kill(carrier, "SIGKILL");
  await eventually(async () => await expect(exchange("::1", port)).rejects.toThrow(/ECONNREFUSED/));
  await box.strata("restart", "-t", "0", "served");
  await eventually(async () => expect(String(await exchange("::1", port).catch(() => ""))).toBe("word"));
  expect(carriers()).toHaveLength(1);
});

test("a container whose supervisors were killed gives them back to the next command", async () => {
  const [port = 0] = await freePorts(1);
  await serve("-p", `${port}:80`);
  const id = await box.strata("inspect", "-f", "{{.Id}}", "served");
  const { keeper, monitor } = JSON.parse(readFileSync(join(box.root.runRoot, "containers", id, "pid"), "utf8")) as { keeper: number; monitor: number };
  for (const pid of [keeper, monitor]) process.kill(pid, "SIGKILL");
  await eventually(async () => expect(await box.strata("ps", "-a", "--format", "{{.State}}")).toBe("exited"));
  await eventually(async () => await Promise.resolve(expect(carriers()).toEqual([])));
  await box.strata("start", "served");
  await eventually(async () => expect(String(await exchange("::1", port).catch(() => ""))).toBe("word"));
});

test("a container that leaves its network leaves its ports", async () => {
  const [port = 0] = await freePorts(1);
  await serve("-p", `${port}:80`);
  await box.strata("network", "disconnect", "bridge", "served");
  await eventually(async () => await Promise.resolve(expect(carriers()).toEqual([])));
});

test("a port that a program has on [::1] is refused by name, and another is chosen where any will do", async () => {
  const server = createServer().listen(0, "::1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { status, stderr } = await box.attempt("run", "--rm", "-p", `${port}:80`, BOX_IMAGE, "true");
  server.close();
  expect(status).toBe(125);
  expect(stderr).toContain(`Cannot publish [::1]:${port}/tcp: a program of this machine listens there`);
  expect(carriers()).toEqual([]);
});

test("nothing is started where nothing is published", async () => {
  await box.strata("run", "-d", "--name", "served", BOX_IMAGE, "sleep", "600");
  expect(carriers()).toEqual([]);
});

/** Bridge networks with real packets: out of the host, between containers, by name; and nothing left of them afterwards. */
import { execFileSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Container, ContainerOptions } from "../../runtime/engine.ts";
import { programs } from "../support/root.ts";
import { type Lab, leftovers, openLab } from "./engine-lab.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await openLab({ programs: ["node"] });
});
afterAll(async () => await lab[Symbol.asyncDispose]());

const BRIDGE = { kind: "bridge", name: "bridge" } as const;
const serve = (text: string): readonly string[] => [
  "node",
  "-e",
  `require("http").createServer((q,r)=>r.end(${JSON.stringify(text)}+q.socket.remoteAddress)).listen(80,()=>console.log("up"))`,
];
const get = (url: string): readonly string[] => [
  "node",
  "-e",
  `fetch(${JSON.stringify(url)}).then(async r=>console.log(await r.text()),e=>{console.log(e.cause?.code??e.message);process.exit(1)})`,
];

async function server(text: string, options: Partial<ContainerOptions> = {}): Promise<Container> {
  const { record } = await lab.background(serve(text), { network: BRIDGE, autoRemove: true, ...options });
  for await (const line of lab.engine.logs(record.id, { follow: true })) if (Buffer.from(line.text).toString() === "up\n") break;
  return await lab.engine.get(record.id);
}

async function removeAll(): Promise<void> {
  for (const { record } of await lab.engine.list()) await lab.engine.remove(record.id, { force: true, volumes: true });
}

const hostAddress =
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((address) => address.family === "IPv4" && !address.internal)?.address ?? "127.0.0.1";

describe("a published port", () => {
  let port: number;
  let web: Container;
  beforeAll(async () => {
    web = await server("hello ", { ports: [{ hostPort: 0, containerPort: 80, protocol: "tcp" }] });
    port = web.record.network.ports[0]?.hostPort ?? 0;
  });
  afterAll(removeAll);

  test("answers on 127.0.0.1", async () => {
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toMatch(/^hello /);
  });
  test("answers on the host's own address", async () => {
    expect(await (await fetch(`http://${hostAddress}:${port}/`)).text()).toMatch(/^hello /);
  });
  test("answers another container at the host's address", async () => {
    const done = await lab.run(get(`http://${hostAddress}:${port}/`), { network: BRIDGE, autoRemove: true });
    expect(done.stdout).toMatch(/^hello /);
  });
  test("answers the container itself at the host's address", async () => {
    const { attachment, exit } = await lab.engine.exec(web.record.id, { command: get(`http://${hostAddress}:${port}/`) });
    let said = "";
    for await (const { data } of attachment?.output ?? []) said += Buffer.from(data).toString();
    expect((await exit).exitCode).toBe(0);
    expect(said).toMatch(/^hello /);
  });
  test("is refused to a second container", async () => {
    await expect(server("other", { ports: [{ hostPort: port, containerPort: 80, protocol: "tcp" }] })).rejects.toMatchObject({ code: "PORT_IN_USE" });
  });
});

describe("the bridge", () => {
  afterAll(removeAll);

  test("joins two containers by address", async () => {
    const web = await server("peer ");
    const done = await lab.run(get(`http://${web.record.network.address}/`), { network: BRIDGE, autoRemove: true });
    expect(done.stdout).toMatch(/^peer 10\.|^peer ::ffff:|^peer 172\./);
    await removeAll();
  });

  test("refuses a port where a program of the machine listens", async () => {
    const taken = createServer().listen(0, "0.0.0.0");
    await new Promise((resolve) => taken.once("listening", resolve));
    const address = taken.address();
    const hostPort = typeof address === "object" && address !== null ? address.port : 0;
    await expect(server("x", { ports: [{ hostPort, containerPort: 80, protocol: "tcp" }] })).rejects.toMatchObject({ code: "PORT_IN_USE" });
    taken.close();
    await removeAll();
  });

  test("waits for the next container, and is gone with its rules when none came", async () => {
    await lab.run(["true"], { network: BRIDGE, autoRemove: true });
    const left = (): readonly string[] => leftovers(lab.root);
    expect(left().some((line) => line.startsWith("table ip strata_"))).toBe(true);
    await expect.poll(left, { timeout: 60_000, interval: 200 }).toEqual([]);
  });

  test("is made anew where it was left without its rules, or for another root", async () => {
    const { bridge } = (await lab.engine.networks.get("bridge")) ?? { bridge: "" };
    const apply = (...operations: readonly string[]): unknown => execFileSync(programs.network, operations);
    apply("bridge", bridge, "10.251.0.1/24", "02:42:0a:fb:00:01");
    const web = await server("anew ");
    expect(await (await fetch(`http://${web.record.network.address}/`)).text()).toMatch(/^anew /);
    expect(networkInterfaces()[bridge]?.map(({ address }) => address)).toContain(web.record.network.gateway);
    expect(networkInterfaces()[bridge]?.map(({ address }) => address)).not.toContain("10.251.0.1");
    await removeAll();
  });

  test("has room for an address that was given back this moment", async () => {
    await lab.engine.networks.create({ name: "narrow", subnet: "10.252.7.0/29" });
    const network = { kind: "bridge", name: "narrow", ip: "10.252.7.3" } as const;
    for (let times = 0; times < 4; times++) {
      const done = await lab.run(get("http://10.252.7.1:600/"), { network, autoRemove: true });
      expect(done.stdout).toBe("ECONNREFUSED\n"); /* of the bridge: the link works */
    }
    await lab.engine.networks.remove("narrow");
    expect(await lab.leftovers()).toEqual([]);
  });

  test("gives different addresses to containers that start at once", async () => {
    const all = await Promise.all(Array.from({ length: 4 }, async () => await lab.background(["sleep", "600"], { network: BRIDGE, autoRemove: true })));
    expect(new Set(all.map(({ record }) => record.network.address)).size).toBe(4);
    await removeAll();
    expect(await lab.leftovers()).toEqual([]);
  });
});

describe("modes", () => {
  afterAll(removeAll);

  test("container:ID shares the other's network", async () => {
    const web = await server("shared ");
    const done = await lab.run(get("http://127.0.0.1/"), { network: { kind: "container", id: web.record.id }, autoRemove: true });
    expect(done.stdout).toMatch(/^shared /);
    await removeAll();
  });
  test("none has nothing but loopback", async () => {
    const done = await lab.run(["ls", "/sys/class/net"], { network: { kind: "none" }, autoRemove: true });
    expect(done.stdout.split("\n").filter((name) => /^(?:eth|st)/.test(name))).toEqual([]);
  });
  test("host is the machine's own", async () => {
    const done = await lab.run(["readlink", "/proc/self/ns/net"], { network: { kind: "host" }, autoRemove: true });
    expect(done.stdout).toBe(`${readlinkSync("/proc/self/ns/net")}\n`);
    const other = await lab.run(["readlink", "/proc/self/ns/net"], { network: { kind: "none" }, autoRemove: true });
    expect(other.stdout).toMatch(/^net:\[\d+\]\n$/);
    expect(other.stdout).not.toBe(done.stdout);
  });
});

describe("a user's network", () => {
  afterAll(async () => {
    await removeAll();
    for (const name of ["front", "back"]) await lab.engine.networks.remove(name).catch(() => {});
  });

  test("finds containers by name and alias, also those that came later", async () => {
    await lab.engine.networks.create({ name: "front" });
    const network = { kind: "bridge", name: "front" } as const;
    const early = await lab.background(["sleep", "600"], { network, autoRemove: true });
    await server("by name ", { name: "web", network: { ...network, aliases: ["www"] } });
    for (const name of ["web", "www"]) {
      const { attachment } = await lab.engine.exec(early.record.id, { command: get(`http://${name}/`) });
      let said = "";
      for await (const { data } of attachment?.output ?? []) said += Buffer.from(data).toString();
      expect(said).toMatch(/^by name /);
    }
  });

  test("is not reached from another one, and not removed while used", async () => {
    const back = await lab.engine.networks.create({ name: "back" });
    expect(back.subnet).not.toBe((await lab.engine.networks.get("front"))?.subnet);
    await expect(lab.engine.networks.remove("front")).rejects.toMatchObject({ code: "CONTAINER_STATE" });
    const web = await lab.engine.get("web");
    const done = await lab.run(
      [
        "node",
        "-e",
        `const s=require("net").connect(80,"${web.record.network.address}");s.on("connect",()=>console.log("reached")).on("error",e=>console.log(e.code));setTimeout(()=>process.exit(),700)`,
      ],
      {
        network: { kind: "bridge", name: "back" },
        autoRemove: true,
      },
    );
    expect(done.stdout).not.toMatch(/reached/);
  });
});

describe("a sandbox", () => {
  test("is one network for several containers and is gone when removed", async () => {
    const sandbox = await lab.engine.createSandbox({ id: "pod-1", hostname: "pod", network: "bridge" });
    const network = { kind: "sandbox", id: "pod-1" } as const;
    await server("pod ", { network });
    expect(await (await fetch(`http://${sandbox.address}/`)).text()).toMatch(/^pod /);
    const done = await lab.run(get("http://localhost/"), { network, autoRemove: true });
    expect(done.stdout).toMatch(/^pod /);
    expect((await lab.run(["hostname"], { network, autoRemove: true })).stdout).toBe("pod\n");
    await removeAll();
    await lab.engine.removeSandbox("pod-1");
    expect(await lab.engine.sandbox("pod-1")).toBeUndefined();
    expect(await lab.leftovers()).toEqual([]);
  });
});

/** The network of an ordinary user's containers: slirp4netns where it is, the machine's own, another container's, none. */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addUser, type TestUser } from "../support/user.ts";

const BOX = "local/box";
let user: TestUser;
let server: Server;
let port: number;
beforeAll(async () => {
  user = addUser();
  await user.strata("base", "create", BOX, "--bin", "sh,sleep,true,node");
  server = createServer((_, response) => response.end("from the host")).listen(0, "0.0.0.0");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
}, 300_000);
afterAll(async () => {
  server.close();
  try {
    await user.removeContainers();
  } finally {
    user[Symbol.dispose]();
  }
}, 300_000);

const address = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === "IPv4" && !one.internal)?.address;
const get = (url: string): string =>
  `fetch(${JSON.stringify(url)}).then(async (r) => console.log(await r.text()), (e) => console.log("failed", e.cause?.code))`;

test("by default leads out through slirp4netns, not to the host's loopback, and ports lead in", { timeout: 300_000 }, async () => {
  if (address === undefined) throw new Error("this machine has no address but its loopback");
  expect(await user.strata("run", "--rm", BOX, "node", "-e", get(`http://${address}:${port}/`))).toBe("from the host");
  expect(await user.strata("run", "--rm", BOX, "node", "-e", get(`http://10.0.2.2:${port}/`))).toMatch(/^failed/);
  const serve = `require("http").createServer((q, r) => r.end("from inside")).listen(80, () => console.log("up"))`;
  await user.strata("run", "-d", "--name", "served", "-p", "127.0.0.1:0:80", "-p", "80", BOX, "node", "-e", serve);
  await expect.poll(async () => await user.strata("logs", "served")).toBe("up");
  const [, published = ""] = /127\.0\.0\.1:(\d+)$/m.exec(await user.strata("port", "served")) ?? [];
  expect(await (await fetch(`http://127.0.0.1:${published}/`)).text()).toBe("from inside");
  const [, both = ""] = /0\.0\.0\.0:(\d+)$/m.exec(await user.strata("port", "served")) ?? [];
  expect(await (await fetch(`http://[::1]:${both}/`)).text()).toBe("from inside");
  await expect(fetch(`http://[::1]:${published}/`)).rejects.toThrow();
  expect((await user.attempt("strata", ["run", "--rm", "-p", `127.0.0.1:${published}:80`, BOX, "id"])).stderr).toMatch(/port is already allocated/);
  await user.strata("rm", "-f", "served");
  await expect(fetch(`http://127.0.0.1:${published}/`)).rejects.toThrow();
});

test("may be the host's, another container's, or none", { timeout: 300_000 }, async () => {
  expect(await user.strata("run", "--rm", "--network", "host", BOX, "node", "-e", get(`http://127.0.0.1:${port}/`))).toBe("from the host");
  await user.strata("run", "-d", "--name", "first", BOX, "sleep", "600");
  const names = `console.log(Object.keys(require("os").networkInterfaces()).join())`;
  expect(await user.strata("run", "--rm", "--network", "container:first", BOX, "node", "-e", names)).toBe("lo,tap0");
  expect(await user.strata("run", "--rm", "--network", "none", BOX, "node", "-e", names)).toBe("lo");
  await user.strata("rm", "-f", "first");
});

test("a port that is root's is refused", { timeout: 180_000 }, async () => {
  const { stderr } = await user.attempt("strata", ["run", "--rm", "-p", "1:80", BOX, "true"]);
  expect(stderr).toMatch(/listen tcp4 0\.0\.0\.0:1: bind: permission denied\nPorts below net.ipv4.ip_unprivileged_port_start are root's/);
});

test("a network without /dev/net/tun names it", { timeout: 180_000 }, async () => {
  chmodSync(join(user.folder, "tun"), 0o600);
  try {
    const { status, stderr } = await user.attempt("strata", ["run", "--rm", BOX, "true"]);
    expect(stderr).toMatch(/^strata: Cannot connect the container: \/dev\/net\/tun, which slirp4netns needs, is closed to this user \(chmod 666\)$/m);
    expect(status).toBe(125);
  } finally {
    chmodSync(join(user.folder, "tun"), 0o666);
  }
});

test("a network without slirp4netns names the package", { timeout: 180_000 }, async () => {
  const { status, stderr } = await user.attempt("strata", ["run", "--rm", BOX, "/bin/true"], { PATH: "/nowhere" });
  expect(stderr).toMatch(/slirp4netns is not installed[^]*apt-get install slirp4netns/);
  expect(status).toBe(125);
});

/** Containers on several networks, with the real command: names without edited files, fixed addresses, IPv6, inner networks, connect and disconnect. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";

vi.setConfig({ testTimeout: 180_000 });

let box: Box;
beforeAll(async () => {
  box = await openBox("sh sleep cat node getent ls grep");
});
afterAll(async () => {
  await removeAll();
  await box.strata("network", "prune", "--force");
  await box[Symbol.asyncDispose]();
});

const hasIPv6 = existsSync("/proc/net/if_inet6");

async function removeAll(): Promise<void> {
  const ids = (await box.strata("ps", "-aq")).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await box.strata("rm", "-f", ...ids);
}

async function started(...flags: readonly string[]): Promise<string> {
  return await box.strata("run", "-d", ...flags, BOX_IMAGE, "sleep", "300");
}

/** A page on port 80 of every address, once it is there. */
async function server(...flags: readonly string[]): Promise<string> {
  const script = `require("http").createServer((q, r) => r.end("page")).listen(80, "::", () => console.log("up"))`;
  const id = await box.strata("run", "-d", ...flags, BOX_IMAGE, "node", "-e", script);
  await eventually(async () => expect(await box.strata("logs", id)).toBe("up"));
  return id;
}

const addressOf = async (container: string, name: string): Promise<string> =>
  (await box.strata("exec", container, "getent", "ahostsv4", name)).split(/\s/)[0] ?? "";
const fetchIn = async (container: string, url: string, patience = 3000): Promise<string> =>
  await box.strata(
    "exec",
    container,
    "node",
    "-e",
    `fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(${patience}) }).then(async (r) => console.log(await r.text()), (e) => console.log("none"))`,
  );

const servesPage = async (container: string, url: string): Promise<void> =>
  await eventually(async () => expect(await fetchIn(container, url, 20_000)).toBe("page"));

describe("names", () => {
  afterAll(removeAll);

  test("are answered at 127.0.0.11 for containers that come and go, and no file of theirs changes", async () => {
    await box.strata("network", "create", "named");
    const first = await started("--name", "first", "--network", "named");
    const hosts = await box.strata("exec", first, "cat", "/etc/hosts");
    expect(await box.strata("exec", first, "cat", "/etc/resolv.conf")).toMatch(/^nameserver 127\.0\.0\.11$/m);
    expect((await box.attempt("exec", first, "getent", "ahostsv4", "second")).status).not.toBe(0);
    await started("--name", "second", "--network", "named", "--network-alias", "deux");
    const address = await box.strata("inspect", "-f", "{{.NetworkSettings.Networks.named.IPAddress}}", "second");
    for (const name of ["second", "deux", "SECOND", "second.named"]) expect(await addressOf(first, name)).toBe(address);
    expect(await box.strata("exec", first, "getent", "hosts", address)).toMatch(/second\.named$/);
    await box.strata("rm", "-f", "second");
    expect((await box.attempt("exec", first, "getent", "ahostsv4", "second")).status).not.toBe(0);
    expect(await box.strata("exec", first, "cat", "/etc/hosts")).toBe(hosts);
  });

  test("others are asked of the servers that --dns names, and over TCP too", async () => {
    const script = `const dgram = require("dgram"); const s = dgram.createSocket("udp4");
      s.on("message", (m, r) => { const a = Buffer.concat([m.subarray(0, 2), Buffer.from([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]), m.subarray(12, m.indexOf(0, 12) + 5),
        Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 77])]); s.send(a, r.port, r.address); });
      s.bind(53, "0.0.0.0", () => console.log("up"));`;
    const resolver = await box.strata("run", "-d", "--name", "resolver", "--network", "bridge", BOX_IMAGE, "node", "-e", script);
    await eventually(async () => expect(await box.strata("logs", resolver)).toBe("up"));
    const upstream = await box.strata("inspect", "-f", "{{.NetworkSettings.IPAddress}}", resolver);
    const asker = await started("--network", "named", "--dns", upstream, "--dns-search", "example.test", "--dns-option", "timeout:5");
    expect(await addressOf(asker, "far.example.test.")).toBe("192.0.2.77");
    expect(await box.strata("exec", asker, "cat", "/etc/resolv.conf")).toBe("nameserver 127.0.0.11\nsearch example.test\noptions timeout:5");
    const byStream = `const name = Buffer.concat([Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5]), Buffer.from("first"), Buffer.from([0, 0, 1, 0, 1])]);
      const s = require("net").connect(53, "127.0.0.11", () => s.write(Buffer.concat([Buffer.from([0, name.length]), name])));
      let got = Buffer.alloc(0); // length and answer may come apart
      s.on("data", (d) => { got = Buffer.concat([got, d]); if (got.length < 2 || got.length < 2 + got.readUInt16BE()) return; console.log([...got.subarray(-4)].join(".")); s.end(); })`;
    const first = await box.strata("inspect", "-f", "{{.NetworkSettings.Networks.named.IPAddress}}", "first");
    expect(await box.strata("exec", asker, "node", "-e", byStream)).toBe(first);
  });

  test("a container may serve names itself, and one that shares a network shares them", async () => {
    const own = `require("dgram").createSocket("udp4").bind(53, "0.0.0.0", () => console.log("bound"))`;
    await started("--name", "third", "--network", "named");
    expect(await box.strata("run", "--rm", "--network", "named", BOX_IMAGE, "node", "-e", `${own}.once("listening", () => process.exit())`)).toBe("bound");
    const sharing = await started("--network", "container:third");
    expect(await addressOf(sharing, "third")).toBe(await addressOf("first", "third"));
    expect((await box.attempt("run", "--rm", "--network", "container:third", "--dns", "192.0.2.1", BOX_IMAGE, "sleep", "1")).stderr).toMatch(
      /conflicting options: dns/,
    );
  });

  test("the server is nobody, without rights, and comes back when it is killed, in part or whole", async () => {
    const id = await started("--name", "lasting", "--network", "named");
    const pids = (): readonly number[] => namesProcesses(id);
    await eventually(async () => await Promise.resolve(expect(pids()).toHaveLength(2)));
    const [first = 0, second = 0] = pids();
    for (const pid of [first, second]) {
      const status = readFileSync(`/proc/${pid}/status`, "latin1");
      expect(status.match(/^(Uid|Gid|Groups|CapEff|CapPrm|NoNewPrivs):.*$/gm)?.map((line) => line.trim().replaceAll("\t", " "))).toEqual([
        "Uid: 65534 65534 65534 65534",
        "Gid: 65534 65534 65534 65534",
        "Groups:",
        expect.stringMatching(/CapPrm: 0+$/),
        expect.stringMatching(/CapEff: 0+$/),
        "NoNewPrivs: 1",
      ]);
    }
    const server = [first, second].find((pid) => [first, second].includes(parentOf(pid))) ?? 0;
    process.kill(server, "SIGKILL");
    const address = await addressOf("first", "lasting");
    await eventually(async () => expect(await addressOf(id, "lasting")).toBe(address));
    await eventually(async () => await Promise.resolve(expect(pids()).toHaveLength(2))); // one follows the other
    for (const pid of pids()) if (parentOf(pid) === 1 || !pids().includes(parentOf(pid))) process.kill(pid, "SIGKILL");
    await eventually(async () => {
      await box.strata("ps");
      expect(pids()).toHaveLength(2);
      expect(await addressOf(id, "lasting")).toBe(address);
    });
    await box.strata("rm", "-f", id);
    await eventually(async () => await Promise.resolve(expect(pids()).toEqual([])));
  });

  test("the server ends with its container, also when everybody was killed", async () => {
    const id = await box.strata("inspect", "-f", "{{.Id}}", "first");
    const serves = (): boolean => namesProcesses(id).length > 0;
    await eventually(async () => await Promise.resolve(expect(serves()).toBe(true)));
    await box.strata("rm", "-f", "first");
    await eventually(async () => await Promise.resolve(expect(serves()).toBe(false)));
  });
});

/** Pids of the servers of a container. */
function namesProcesses(id: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/cmdline`).includes(id) && read(`/proc/${name}/comm`) === "strata-names\n")
    .map(Number);
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // it has just gone
  }
}

describe("connect and disconnect", () => {
  afterAll(removeAll);

  test("move a running container between networks", async () => {
    for (const name of ["left", "right"]) await box.strata("network", "create", name);
    await server("--name", "web", "--network", "left");
    const asker = await started("--name", "asker", "--network", "right");
    expect(await fetchIn(asker, "http://web/")).toBe("none");
    await box.strata("network", "connect", "--alias", "site", "right", "web");
    await servesPage(asker, "http://site/");
    expect(await box.strata("exec", "web", "ls", "/sys/class/net")).toBe("eth0\neth1\nlo");
    expect(await box.strata("ps", "--filter", "name=web", "--format", "{{.Networks}}")).toBe("left,right");
    expect((await box.attempt("network", "connect", "right", "web")).stderr).toMatch(/on network "right" already/);
    await box.strata("network", "disconnect", "left", "web");
    await servesPage(asker, "http://web/");
    expect(await box.strata("exec", "web", "cat", "/proc/net/route")).toMatch(/^eth1\t00000000\t/m);
    await box.strata("restart", "-t", "0", "web");
    expect(await box.strata("inspect", "-f", "{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}", "web")).toBe("right");
    await servesPage(asker, "http://site/");
    await box.strata("network", "disconnect", "right", "web");
    expect(await box.strata("exec", "web", "ls", "/sys/class/net")).toBe("lo");
    await box.strata("network", "disconnect", "--force", "right", "web");
  });

  test("are refused where the network is not the container's own", async () => {
    const host = await started("--network", "host");
    expect((await box.attempt("network", "connect", "left", host)).stderr).toMatch(/it has the host's network/);
    expect((await box.attempt("network", "connect", "nowhere", "asker")).stderr).toMatch(/network nowhere not found/);
  });

  test("several networks at once", async () => {
    const both = await started("--network", "left", "--network", "name=right,alias=twofold");
    expect(await addressOf("asker", "twofold")).toBe(await box.strata("inspect", "-f", "{{.NetworkSettings.Networks.right.IPAddress}}", both));
    expect(JSON.parse(await box.strata("network", "inspect", "left"))).toMatchObject([
      { Containers: { [both]: { IPv4Address: expect.stringMatching(/^10\.[\d.]+\/16$/) } } },
    ]);
  });
});

describe("addresses", () => {
  afterAll(removeAll);

  test("are asked for, reserved, and refused when taken", async () => {
    await box.strata(
      "network",
      "create",
      "--subnet",
      "10.233.7.0/24",
      "--gateway",
      "10.233.7.254",
      "--ip-range",
      "10.233.7.64/27",
      "--aux-address",
      "printer=10.233.7.65",
      "fixed",
    );
    const id = await started("--name", "owner", "--network", "fixed", "--ip", "10.233.7.9", "--mac-address", "02:42:00:00:00:99");
    expect(await box.strata("inspect", "-f", "{{with .NetworkSettings.Networks.fixed}}{{.IPAddress}} {{.Gateway}} {{.MacAddress}}{{end}}", id)).toBe(
      "10.233.7.9 10.233.7.254 02:42:00:00:00:99",
    );
    const second = await box.attempt("run", "--rm", "--network", "fixed", "--ip", "10.233.7.9", BOX_IMAGE, "sleep", "1");
    expect([second.status, second.stderr]).toEqual([125, expect.stringMatching(/10\.233\.7\.9 is in use/)]);
    const ranged = await Promise.all([started("--network", "fixed"), started("--network", "fixed")]);
    const addresses = await box.strata("inspect", "-f", "{{.NetworkSettings.Networks.fixed.IPAddress}}", ...ranged);
    expect(addresses.split("\n").sort()).toEqual(["10.233.7.64", "10.233.7.66"]);
    expect((await box.attempt("run", "--rm", "--ip", "10.88.0.9", BOX_IMAGE, "sleep", "1")).stderr).toMatch(/only where 'network create --subnet'/);
    await box.strata("restart", "-t", "0", id);
    expect(await box.strata("inspect", "-f", "{{.NetworkSettings.Networks.fixed.IPAddress}}", id)).toBe("10.233.7.9");
  });

  test("an inner network reaches its own and nothing else, names of others neither", async () => {
    await box.strata("network", "create", "--internal", "inner");
    await server("--name", "hidden", "--network", "inner");
    const inside = await started("--name", "inside", "--network", "inner");
    await servesPage(inside, "http://hidden/");
    expect(await box.strata("exec", inside, "cat", "/proc/net/route")).not.toMatch(/^eth0\t00000000\t/m);
    const asked = await box.attempt("exec", inside, "getent", "ahostsv4", "example.com");
    expect(asked.status).not.toBe(0);
    const outside = await started("--name", "outside");
    const address = await box.strata("inspect", "-f", "{{.NetworkSettings.Networks.inner.IPAddress}}", "hidden");
    expect(await fetchIn(outside, `http://${address}/`)).toBe("none");
  });

  test.runIf(hasIPv6)("IPv6 leads between containers and to published ports", async () => {
    await box.strata("network", "create", "--ipv6", "--subnet", "fd00:5742:7a::/64", "six");
    const web = await server("--name", "six-web", "--network", "six", "--ip6", "fd00:5742:7a::99", "-p", "80");
    const asker = await started("--network", "six");
    expect(await box.strata("exec", asker, "getent", "ahostsv6", "six-web")).toMatch(/^fd00:5742:7a::99 /);
    await servesPage(asker, "http://[fd00:5742:7a::99]/");
    const port = (await box.strata("port", web, "80")).split(":").at(-1);
    expect(await (await fetch(`http://[fd00:5742:7a::1]:${port}/`)).text()).toBe("page");
    expect(
      await box.strata("inspect", "-f", "{{.NetworkSettings.Networks.six.GlobalIPv6Address}}/{{.NetworkSettings.Networks.six.GlobalIPv6PrefixLen}}", web),
    ).toBe("fd00:5742:7a::99/64");
  });
});

/** CNI configurations through Debian's own plugins: chains, results, published ports, CHECK, and DEL after a crash. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { pluginInput } from "../../runtime/network/cni/chain.ts";
import { parseConfiguration } from "../../runtime/network/cni/configurations.ts";
import { rootTag } from "../../runtime/engine/identity.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";
import { strata } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 });

let box: Box;
let bridge: string;
let leases: string;
beforeAll(async () => {
  box = await openBox("sh sleep cat node");
  /* named as the root's own links are, so that what a crash leaves is swept with them */
  bridge = `st${rootTag(box.root.root)}cni`;
  leases = join(box.root.root, "leases");
  const folder = join(box.root.root, "net.d");
  mkdirSync(folder);
  const ipam = { type: "host-local", dataDir: leases, ranges: [[{ subnet: "10.234.5.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] };
  const chain = [
    { type: "bridge", bridge, isGateway: true, ipMasq: false, ipam },
    { type: "tuning", sysctl: { "net.ipv4.ip_default_ttl": "77" } },
    { type: "portmap", capabilities: { portMappings: true }, snat: true },
  ];
  writeFileSync(join(folder, "10-chain.conflist"), JSON.stringify({ cniVersion: "1.0.0", name: "chained", plugins: chain }));
  writeFileSync(join(folder, "20-bare.conf"), JSON.stringify({ cniVersion: "0.4.0", name: "bare", ...chain[0] }));
  writeFileSync(join(folder, "30-broken.conflist"), `{"name": "broken", "cniVersion": "1.0.0", "plugins": [{"type": "../evil"}]}`);
  writeFileSync(join(folder, "40-missing.conf"), JSON.stringify({ cniVersion: "1.0.0", name: "missing", type: "no-such-plugin" }));
  process.env["STRATA_CNI_DIR"] = folder;
  box.root.env["STRATA_CNI_DIR"] = folder;
});
afterAll(async () => {
  const ids = (await box.strata("ps", "-aq")).split("\n").filter((id) => id !== "");
  if (ids.length > 0) await box.strata("rm", "-f", ...ids);
  if (existsSync(`/sys/class/net/${bridge}`)) execFileSync("ip", ["link", "delete", bridge]);
  await box[Symbol.asyncDispose]();
});

const leased = (): readonly string[] =>
  existsSync(join(leases, "chained")) ? readdirSync(join(leases, "chained")).filter((name) => name.startsWith("10.")) : [];
const natRules = (id: string): readonly string[] =>
  execFileSync("iptables-save", ["-t", "nat"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes(id));

describe("a chain of plugins", () => {
  test("gives an address, a setting and a published port, and takes all back", async () => {
    const script = `require("http").createServer((q, r) => r.end("chained")).listen(80, () => console.log("up"))`;
    const id = await box.strata("run", "-d", "--network", "cni:chained", "-p", "80", BOX_IMAGE, "node", "-e", script);
    await eventually(async () => expect(await box.strata("logs", id)).toBe("up"));
    const address = "{{range $name, $at := .NetworkSettings.Networks}}{{$name}} {{$at.IPAddress}} {{$at.Gateway}} {{end}}{{.HostConfig.NetworkMode}}";
    expect(await box.strata("inspect", "-f", address, id)).toMatch(/^chained 10\.234\.5\.\d+ 10\.234\.5\.1 chained$/);
    expect(await box.strata("exec", id, "cat", "/proc/sys/net/ipv4/ip_default_ttl")).toBe("77");
    const port = (await box.strata("port", id, "80")).split(":").at(-1);
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("chained");
    expect(leased().length).toBe(1);
    await box.strata("rm", "-f", id);
    expect([leased(), natRules(id)]).toEqual([[], []]);
  });

  test("is found by its name alone, and seen by ls and inspect", async () => {
    expect(await box.strata("run", "--rm", "--network", "chained", BOX_IMAGE, "cat", "/proc/sys/net/ipv4/ip_default_ttl")).toBe("77");
    expect(await box.strata("network", "ls", "--filter", "driver=cni", "--format", "{{.Name}}")).toBe("chained\nbare\nmissing");
    expect(JSON.parse(await box.strata("network", "inspect", "chained"))).toMatchObject([
      { Driver: "cni", Plugins: [{ type: "bridge" }, { type: "tuning" }, { type: "portmap" }] },
    ]);
    expect(leased()).toEqual([]);
  });

  test("is looked for in /etc/cni/net.d when no other folder is named", async () => {
    const { STRATA_CNI_DIR: folder = "", ...env } = box.root.env;
    const run = `"$@" network ls --filter driver=cni --format '{{.Name}}' && "$@" run --rm --network chained ${BOX_IMAGE} cat /proc/sys/net/ipv4/ip_default_ttl`;
    const script = `mount --make-rprivate / && mount -t tmpfs tmpfs /etc/cni/net.d && cp "$1" /etc/cni/net.d && shift && ${run}`;
    const alone = ["--mount", "sh", "-c", script, "sh", join(folder, "10-chain.conflist"), process.execPath, strata];
    expect(execFileSync("unshare", alone, { encoding: "utf8", env })).toBe("chained\n77\n"); // one of three: the folder is another
    expect(leased()).toEqual([]);
  });

  test("CHECK tells of what was changed behind its back", async () => {
    const id = await box.strata("run", "-d", "--network", "cni:chained", "--privileged", BOX_IMAGE, "sleep", "300");
    expect(await box.strata("network", "check", id)).toBe(id); // without ports: this portmap takes missing rules of ip6tables for changed ones
    await box.strata("exec", "--privileged", id, "sh", "-c", "echo 9 > /proc/sys/net/ipv4/ip_default_ttl");
    const { status, stderr } = await box.attempt("network", "check", id);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/Cannot CHECK CNI network chained: plugin tuning says: /)]);
    await box.strata("rm", "-f", id);
  });

  test("is undone after everybody was killed, with the configuration as it was", async () => {
    const id = await box.strata("run", "-d", "--network", "cni:chained", "-p", "80", BOX_IMAGE, "sleep", "300");
    const pid = Number(await box.strata("inspect", "-f", "{{.State.Pid}}", id));
    const monitor = Number(/^PPid:\s*(\d+)/m.exec(execFileSync("cat", [`/proc/${pid}/status`], { encoding: "utf8" }))?.[1]);
    process.kill(monitor, "SIGKILL");
    execFileSync("sh", ["-c", `kill -KILL ${pid} || true`], { stdio: "ignore" }); // it may have gone with its monitor
    await eventually(async () => await Promise.resolve(expect(existsSync(`/proc/${pid}`)).toBe(false)));
    await box.strata("system", "prune", "--force");
    await eventually(async () => {
      await box.strata("container", "prune", "--force"); // sweeps
      expect([leased(), natRules(id)]).toEqual([[], []]);
    });
  });
});

describe("what cannot be", () => {
  test.each([
    { name: "nowhere", flags: [], says: /no configuration in .* has that name/ },
    { name: "broken", flags: [], says: /a plugin has the type "\.\.\/evil"/ },
    { name: "missing", flags: [], says: /there is no plugin no-such-plugin in .*\/usr\/lib\/cni/ },
    { name: "bare", flags: ["-p", "80"], says: /none of its plugins maps ports/ },
  ])("$name is refused and leaves nothing", async ({ name, flags, says }) => {
    const { status, stderr } = await box.attempt("run", "--rm", "--network", `cni:${name}`, ...flags, BOX_IMAGE, "sleep", "1");
    expect([status, stderr]).toEqual([125, expect.stringMatching(says)]);
    expect(leased()).toEqual([]);
  });

  test("a plugin gets its own part, the result before it, and only what it is capable of", () => {
    const configuration = parseConfiguration(
      `{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"a"},{"type":"b","capabilities":{"mac":true},"x":1}]}`,
      "file",
    );
    const chain = { configuration, containerID: "id", namespace: "/ns", device: "eth0", runtimeConfig: { mac: "02:00:00:00:00:01", portMappings: [] } };
    expect(pluginInput(chain, configuration.plugins[0]!, undefined)).toEqual({ type: "a", name: "n", cniVersion: "1.0.0" });
    const before = { ips: [{ address: "10.0.0.2/24" }] };
    expect(pluginInput(chain, configuration.plugins[1]!, before)).toEqual({
      type: "b",
      x: 1,
      name: "n",
      cniVersion: "1.0.0",
      runtimeConfig: { mac: "02:00:00:00:00:01" },
      prevResult: before,
    });
  });
});

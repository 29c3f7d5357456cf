/**
 * Networks where what bridges carry passes the rules of IP (bridge-nf-call-iptables=1, as br_netfilter has it) and where it does not: containers of
 * one reach each other, those of two do not. In a network namespace of its own, for the setting is the machine's.
 */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";
import { strata } from "../support/root.ts";

vi.setConfig({ testTimeout: 90_000 });

const run = promisify(execFile);
const SETTING = "net/bridge/bridge-nf-call-iptables";

const SERVER = "require('net').createServer((socket) => socket.end('answer')).listen(80)";
/** What it is told within the patience, or that it was told nothing. */
const CLIENT = `const socket = require('net').connect(80, process.argv[1]);
const end = (text) => { console.log(text); process.exit(); };
socket.on('data', (data) => end(data.toString())).on('error', () => end('nothing'));
setTimeout(() => end('nothing'), 1500);`;

/** `strata` on another machine, as far as the network goes; all that it made there goes with it. */
class Elsewhere implements Disposable {
  readonly #box: Box;
  readonly #holder = spawn("unshare", ["--net", "sleep", "300"], { stdio: "ignore" });

  constructor(box: Box) {
    this.#box = box;
  }

  async run(...command: readonly string[]): Promise<string> {
    const { stdout } = await run("nsenter", [`--net=/proc/${this.#holder.pid}/ns/net`, ...command], { env: this.#box.root.env, timeout: 60_000 });
    return stdout.trim();
  }

  async strata(...args: readonly string[]): Promise<string> {
    return await this.run(process.execPath, strata, ...args);
  }

  [Symbol.dispose](): void {
    this.#holder.kill("SIGKILL");
  }
}

/** Without br_netfilter there is nothing to set, and it is as with 0. */
const VALUES = existsSync(`/proc/sys/${SETTING}`) ? ["1", "0"] : [undefined];

test.each(VALUES)("bridge-nf-call-iptables=%s", async (value) => {
  await using box = await openBox("node sleep");
  using place = new Elsewhere(box);
  await eventually(async () => expect(await place.run("readlink", "/proc/self/ns/net")).not.toBe((await run("readlink", ["/proc/self/ns/net"])).stdout.trim()));
  await place.run("ip", "link", "set", "lo", "up");
  if (value !== undefined) await place.run("sh", "-c", `echo ${value} > /proc/sys/${SETTING}`);
  const addresses = new Map<string, string>();
  for (const network of ["one", "two"]) {
    await place.strata("network", "create", network);
    for (const name of ["first", "second"].map((word) => `${network}-${word}`)) {
      await place.strata("run", "-d", "--name", name, "--network", network, BOX_IMAGE, "node", "-e", SERVER);
      addresses.set(name, await place.strata("inspect", "-f", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name));
    }
  }
  const ask = async (from: string, to: string): Promise<string> => await place.strata("exec", from, "node", "-e", CLIENT, addresses.get(to) ?? to);
  for (const [from, to] of [
    ["one-first", "one-second"],
    ["two-second", "two-first"],
  ] as const) {
    await eventually(async () => expect(await ask(from, to)).toBe("answer"));
    expect(await ask(from, from)).toBe("answer"); // oneself
    expect(await place.strata("exec", from, "node", "-e", CLIENT, to)).toBe("answer"); // by name
  }
  for (const [from, to] of [
    ["one-first", "two-first"],
    ["two-second", "one-second"],
  ] as const)
    expect(await ask(from, to)).toBe("nothing");
  if (value !== undefined) expect(await place.run("cat", `/proc/sys/${SETTING}`)).toBe(value);
  await place.strata("rm", "-f", ...addresses.keys());
  await place.strata("network", "rm", "one", "two");
  await place.strata("network", "prune", "-f");
});

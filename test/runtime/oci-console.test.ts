/** --console-socket: the terminal arrives as a descriptor, and whoever takes it is the other end of the program's streams. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openedForAll } from "../support/opened.ts";
import { type Bundle, openOciLab } from "./oci-lab.ts";

const oci = openedForAll(openOciLab);
const taker = fileURLToPath(new URL("probe/console.py", import.meta.url));

const ways = {
  "run -d": async ({ id, folder }: Bundle, socket: string) => (await oci.command("run", "-d", "--console-socket", socket, "-b", folder, id)).status,
  "create and start": async (bundle: Bundle, socket: string) => {
    const created = await oci.create(bundle, "--console-socket", socket);
    return created === 0 ? (await oci.command("start", bundle.id)).status : created;
  },
};

test.each(Object.entries(ways))("%s hands the terminal over", async (_, start) => {
  const script = 'stty size; read line; echo "got $line"; stty size; tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all';
  const bundle = oci.bundle(script, { process: { terminal: true, consoleSize: { width: 80, height: 24 } } });
  const socket = join(bundle.folder, "console");
  let said = "";
  const taking = execFile("python3", [taker, socket], { timeout: 300_000 });
  const ended = once(taking, "exit");
  taking.stdout?.on("data", (text: string) => (said += text));
  await expect.poll(() => said).toBe("listening\n");
  expect(await start(bundle, socket)).toBe(0);
  expect(await ended).toEqual([0, null]);
  expect(JSON.parse(said.slice("listening\n".length))).toEqual({
    descriptors: 1,
    named: true,
    terminal: true,
    window: [24, 80],
    first: "24 80\r\n",
    rest: "hello\r\ngot hello\r\n33 100\r\n/dev/pts/0\r\nall\r\n",
  });
  await oci.command("delete", "-f", bundle.id);
});

/** pull's own flags, and what it shows on its way. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { describeTransfer, type Row } from "../../cli/registry/transfer-row.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { hostPlatform } from "../../store/image/platform.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { strata, temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { openTerminal } from "../support/terminal.ts";
import { beginRange, serveImage } from "./fake-registry.ts";
import { tarOf, writeLayout } from "./image.ts";
import { blob, manifestOf, noise, startRegistry, unfinished, type TestRegistry } from "./registry.ts";

const { descriptor } = blob(noise(10));
const row = (more: Partial<Row>): Row => ({ descriptor: { ...descriptor, size: 50e6 }, state: "transferring", bytes: 0, since: 0, ...more });

test.each([
  { name: "nothing while it waits", row: row({ state: "waiting" }), now: 0, want: "" },
  { name: "nothing once it is there", row: row({ state: "done", bytes: 50e6 }), now: 9_000, want: "" },
  { name: "no speed at first", row: row({ bytes: 1_500 }), now: 100, want: " 1.5kB/50.0MB" },
  { name: "speed and time left", row: row({ bytes: 10e6 }), now: 2_000, want: " 10.0MB/50.0MB 5.0MB/s 8s left" },
  { name: "minutes", row: row({ bytes: 1e6 }), now: 2_000, want: " 1.0MB/50.0MB 500.0kB/s 1m38s left" },
  { name: "hours", row: row({ bytes: 1e3 }), now: 1_000, want: " 1.0kB/50.0MB 1.0kB/s 13h53m left" },
  { name: "nothing left", row: row({ bytes: 50e6 }), now: 2_000, want: " 50.0MB/50.0MB 25.0MB/s" },
  { name: "never more than all, when a part came twice", row: row({ bytes: 60e6 }), now: 100, want: " 50.0MB/50.0MB" },
])("a layer on its way shows $name", ({ row: shown, now, want }) => expect(describeTransfer(shown, now)).toBe(want));

describe("strata pull", () => {
  let root: TemporaryRoot;
  let registry: TestRegistry;
  let name: string;

  beforeEach(async () => {
    root = temporaryRoot();
    registry = await startRegistry({ logFormat: "none" });
    name = `${registry.host}/team/app:v1`;
    const layout = join(root.root, "../layout");
    await writeLayout(layout, [hostPlatform().architecture, "s390x"]);
    await strataOutput(root, "copy", "-q", "--all", `oci:${layout}:v1`, `docker://${name}`);
  });
  afterEach(async () => {
    await registry[Symbol.asyncDispose]();
    root[Symbol.dispose]();
  });

  test("one platform or all of them; only what is for this machine is unpacked", { timeout: 300_000 }, async () => {
    await strataOutput(root, "pull", "-q", name);
    const copied = async (): Promise<number> =>
      (await runStrata(root, ["copy", "-q", "--platform", "linux/s390x", name, `dir:${join(root.root, "../s390x")}`])).status;
    expect(await copied()).toBe(1);
    await strataOutput(root, "pull", "-q", "--all-platforms", name);
    expect(await copied()).toBe(0);
    expect(existsSync(join(root.root, "../s390x/manifest.json"))).toBe(true);
    expect([unfinished(root.root), (await runStrata(root, ["system", "check"])).status]).toEqual([[], 0]);
    const both = await runStrata(root, ["pull", "--all-platforms", "--platform", "linux/s390x", name]);
    expect(both.status).toBe(2);
  });

  test("an image of another platform alone is refused when one is asked for, in docker's words, and comes when none is", { timeout: 300_000 }, async () => {
    const lone = `${registry.host}/team/lone:v1`;
    await writeLayout(join(root.root, "../lone"), ["s390x"]);
    await strataOutput(root, "copy", "-q", `oci:${join(root.root, "../lone")}:v1`, `docker://${lone}`);
    const own = `linux/${hostPlatform().architecture}`;
    const asked = async (policy: string): Promise<unknown> => await runStrata(root, ["pull", "-q", "--policy", policy, "--platform", own, lone]);
    const other = {
      status: 1,
      stderr: `strata: image with reference ${lone} was found but does not match the specified platform: wanted ${own}, actual: linux/s390x\n`,
    };
    expect(await asked("always")).toMatchObject(other);
    expect(await strataOutput(root, "images", "-q")).toBe("");
    await strataOutput(root, "pull", "-q", lone);
    for (const policy of ["always", "missing", "never"]) expect(await asked(policy)).toMatchObject(other);
    await strataOutput(root, "pull", "-q", "--platform", "linux/s390x", lone);
  });

  test("--policy says when the registry is asked", { timeout: 300_000 }, async () => {
    const pull = async (policy: string): Promise<string> => {
      const { status, stdout, stderr } = await runStrata(root, ["pull", "--policy", policy, name]);
      return `${status} ${stdout}${stderr}`;
    };
    expect(await pull("never")).toMatch(/^1 strata: No such image: /);
    expect(await pull("missing")).toMatch(/^0 [^]*Downloaded newer image/);
    expect(await pull("missing")).toBe(`0 ${name}\n`);
    expect(await pull("newer")).toMatch(/^0 [^]*Image is up to date/);
    await registry[Symbol.asyncDispose]();
    expect(await pull("newer")).toMatch(/^0 [^]*the image that is here is used/);
    expect(await pull("always")).toMatch(/^1 /);
    expect(await pull("never")).toBe(`0 ${name}\n`);
    registry = await startRegistry({ logFormat: "none" });
  });

  test("in a pipe each layer is one line, with -q nothing but the name", async () => {
    const loud = await runStrata(root, ["pull", name]);
    expect(loud.stdout).toMatch(/^v1: Pulling from team\/app\n(?:[0-9a-f]{12}: Pull complete\n)?Digest: sha256:[0-9a-f]{64}\nStatus: .*\n.*\n$/);
    expect(loud.stdout).not.toContain("\u001b");
    expect(await runStrata(root, ["pull", "-q", name])).toMatchObject({ status: 0, stdout: `${name}\n`, stderr: "" });
  });

  test("a terminal shows how far a layer is, how quickly it comes and how long it will take", { timeout: 300_000 }, async () => {
    const tar = await tarOf({ big: noise(2_000_000) });
    const layer = blob(tar, MEDIA_TYPE.layerTar);
    const config = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [digestOf(tar)] } }), MEDIA_TYPE.config);
    const held: (() => void)[] = [];
    await using slow = await serveImage(manifestOf(config, [layer]), [config, layer], (request, response, part) => {
      if (part !== layer) return false;
      const bytes = beginRange(request, response, part);
      response.write(bytes.subarray(0, 1_000_000));
      held.push(() => response.end(bytes.subarray(1_000_000)));
      return true;
    });
    using terminal = openTerminal(`${process.execPath} ${strata} pull ${slow.host}/app:v1`, { columns: 100, rows: 10, env: root.env });
    await expect.poll(() => terminal.screen(), { timeout: 120_000 }).toMatch(/[0-9a-f]{12}: Downloading 1\.0MB\/2\.0MB [\d.]+[kM]B\/s \d+s left\n?/);
    for (const finish of held) finish();
    await expect.poll(() => terminal.screen(), { timeout: 120_000 }).toMatch(/[0-9a-f]{12}: Pull complete\n[^]*ended with 0$/);
  });
});

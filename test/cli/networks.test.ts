/** strata network: what users make, list and remove. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parseTraffic } from "../../runtime/network/traffic.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";

vi.setConfig({ testTimeout: 180_000 });

let box: Box;
beforeAll(async () => {
  box = await openBox("sh sleep node");
});
afterAll(async () => await box[Symbol.asyncDispose]());

test("prune removes the networks that no container is on", async () => {
  for (const name of ["idle", "used"]) await box.strata("network", "create", name);
  const id = await box.strata("run", "-d", "--network", "used", BOX_IMAGE, "sleep", "600");
  expect(await box.strata("network", "prune", "--force")).toBe("Deleted Networks:\nidle");
  expect(await box.strata("network", "prune", "--force")).toBe("");
  await box.strata("rm", "-f", id);
  expect(await box.strata("network", "prune", "--force")).toBe("Deleted Networks:\nused");
  expect(await box.strata("network", "ls", "--filter", "driver=bridge", "--filter", "driver=host", "--filter", "driver=null", "--format", "{{.Name}}")).toBe(
    "bridge\nhost\nnone",
  );
});

test("what every machine has can be named by its id too", async () => {
  const rows = (await box.strata("network", "ls", "--no-trunc", "--filter", "type=builtin", "--format", "{{.Name}} {{.ID}}")).split("\n");
  expect(rows.map((row) => row.replace(/ [0-9a-f]{64}$/, ""))).toEqual(["bridge", "host", "none"]);
  for (const [name = "", id = ""] of rows.map((row) => row.split(" ")))
    expect(await box.strata("network", "inspect", "--format", "{{.Name}} {{.Id}}", id.slice(0, 12))).toBe(`${name} ${id}`);
});

test("what stayed on the loopback is no traffic", () => {
  const text =
    "Inter-|   Receive  |  Transmit\n face |bytes    packets|bytes\n    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n  eth0:1500 2 0 0 0 0 0 0 70 1 0 0 0 0 0 0\n";
  expect(parseTraffic(text)).toEqual({ received: 1500, sent: 70 });
});

test("stats tells what went over the network", async () => {
  const send = `require("dgram").createSocket("udp4").send(Buffer.alloc(1000), 9, process.argv[1]); setTimeout(() => {}, 120000)`;
  const id = await box.strata("run", "-d", BOX_IMAGE, "sh", "-c", `node -e '${send}' "$0"`, "203.0.113.1");
  const none = await box.strata("run", "-d", "--network", "host", BOX_IMAGE, "sleep", "600");
  await eventually(async () => {
    const sent = (await box.strata("stats", "--no-stream", "--format", "{{.NetIO}}", id)).split(" / ")[1];
    expect(sent).toMatch(/^\d(?:\.\d+)?kB$/);
  });
  expect(await box.strata("stats", "--no-stream", "--format", "{{.NetIO}}", none)).toBe("0B / 0B");
  await box.strata("rm", "-f", id, none);
});

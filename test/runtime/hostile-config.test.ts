/** What an image's config or a client may ask for: refused before anything is made or waited for, or borne. */
import { expect, test } from "vitest";
import type { ContainerOptions } from "../../runtime/engine.ts";
import { labOfFile } from "./engine-lab.ts";

const lab = labOfFile();

const CUT = "a\0b";
const words: readonly (readonly [what: string, options: Partial<ContainerOptions>])[] = [
  ["variable", { env: [`A=${CUT}`] }],
  ["word", { command: ["echo", CUT] }],
  ["entry point", { entrypoint: [CUT] }],
  ["working folder", { cwd: `/${CUT}` }],
  ["user", { user: CUT }],
  ["host's name", { hostname: CUT }],
  ["volume", { mounts: [{ kind: "volume", target: `/${CUT}` }] }],
];
test.each(words)("a byte of value 0 in a %s is refused, and nothing is left waiting", async (_, extra) => {
  await expect(lab.run(["true"], extra)).rejects.toMatchObject({
    code: "SPEC_INVALID",
    message: expect.stringContaining("it holds a byte of value 0") as string,
  });
  expect(await lab.engine.list()).toEqual([]);
});

test("nor in what is run beside a container", async () => {
  const { record } = await lab.background(["sleep", "600"]);
  const refused = { code: "SPEC_INVALID" };
  await expect(lab.engine.exec(record.id, { command: ["echo", CUT] })).rejects.toMatchObject(refused);
  await expect(lab.engine.exec(record.id, { command: ["true"], env: [`A=${CUT}`] })).rejects.toMatchObject(refused);
});

test("an image whose stop signal is none is stopped all the same", async () => {
  const { image } = lab;
  const odd = { ...image, config: { ...image.config, config: { ...image.config.config, StopSignal: "SIGNOPE" } } };
  const { record } = await lab.background(["sleep", "600"], { image: odd });
  await lab.engine.stop(record.id, { timeout: 0 });
  expect((await lab.engine.get(record.id)).status.status).toBe("exited");
});

test("tens of thousands of labels are kept", async () => {
  const labels = Object.fromEntries(Array.from({ length: 40_000 }, (_, at) => [`label.${at}`, "x".repeat(50)]));
  const { record } = await lab.background(["sleep", "600"], { labels });
  expect((await lab.engine.get(record.id)).record.config.Labels).toMatchObject({ "label.39999": "x".repeat(50) });
});

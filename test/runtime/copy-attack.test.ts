/**
 * cp while a program inside turns folders into links and back as fast as it can: not a byte of this machine comes out, not a byte goes in.
 * It lies in wait where docker's and podman's copies were led astray (CVE-2018-15664, CVE-2019-10152).
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { extract, pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/cluster.ts";
import { type Lab, openLab } from "./engine-lab.ts";

const ROUNDS = 60;
const SECRET = "this machine's own";

let lab: Lab;
let outside: string;
beforeAll(async () => {
  lab = await openLab({ programs: ["mv"] });
  outside = join(lab.root.root, "outside");
  mkdirSync(join(outside, "sub"), { recursive: true });
  for (const name of ["file", "sub/file"]) writeFileSync(join(outside, name), SECRET);
});
afterAll(async () => await lab[Symbol.asyncDispose]());

async function contents(tar: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
  const found: string[] = [];
  const entries = extract();
  const source = Readable.from(tar);
  source.on("error", (error) => entries.destroy(error)).pipe(entries);
  for await (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found.push(Buffer.concat(chunks).toString());
  }
  return found;
}

function tarOf(name: string): AsyncIterable<Uint8Array> {
  const tar = pack();
  tar.entry({ name, mode: 0o4755 }, "planted");
  tar.finalize();
  return Readable.from(tar);
}

/** `trap` is by turns a folder with files, and a link to `target`; so is what lies one folder deeper. */
function swapping(target: string): string {
  return `mkdir -p /place/trap/sub /place/deep; echo fine > /place/trap/file; echo fine > /place/trap/sub/file
    ln -s ${target} /place/link; ln -s ${target}/sub /place/sublink; echo ready > /ready
    while :; do mv /place/trap /place/aside; mv /place/link /place/trap; mv /place/trap /place/link; mv /place/aside /place/trap
      mv /place/trap/sub /place/deep/sub; mv /place/sublink /place/trap/sub; mv /place/trap/sub /place/sublink; mv /place/deep/sub /place/trap/sub; done`;
}

const modes = [
  { name: "by an absolute path", prefix: (): string => outside, options: {} },
  { name: "through /proc, with this machine's processes in sight", prefix: (): string => `/proc/1/root${outside}`, options: { pidMode: "host" } as const },
  { name: "in a volume", prefix: (): string => outside, options: { mounts: [{ kind: "volume", target: "/place" }] } as const },
];

describe.each(modes)("links that lead out $name", ({ prefix, options }) => {
  test("show nothing and take nothing", { timeout: 900_000 }, async () => {
    const { record } = await lab.background(["/bin/sh", "-c", swapping(prefix())], options);
    const { id } = record;
    await eventually(async () => expect(await lab.engine.stat(id, "/ready")).toEqual({ type: "file" }));
    const paths = ["/place", "/place/trap", "/place/trap/file", "/place/trap/sub", "/place/trap/sub/file"];
    let copied = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const path = paths[round % paths.length] ?? "";
      const found = await contents(lab.engine.copyOut(id, path)).catch((): readonly string[] => []); // it was not there at that moment
      expect(found.join("")).not.toContain(SECRET);
      copied += found.includes("fine\n") ? 1 : 0;
      await lab.engine.copyIn(id, "/place/trap", tarOf(round % 2 === 0 ? "file" : "sub/file")).catch(() => {});
      await lab.engine.copyIn(id, "/place", tarOf("trap/sub/planted")).catch(() => {});
    }
    expect(copied).toBeGreaterThan(0); // the copies did get somewhere
    expect([readdirSync(outside), readdirSync(join(outside, "sub"))]).toEqual([["file", "sub"], ["file"]]);
    for (const name of ["file", "sub/file"]) expect(readFileSync(join(outside, name), "utf8")).toBe(SECRET);
    await lab.engine.remove(id, { force: true, volumes: true });
  });
});

test("a stopped container's links lead nowhere either, also through its volumes", async () => {
  const mounts = [{ kind: "volume", target: "/vol" }] as const;
  const { id } = await lab.run(["/bin/sh", "-c", `ln -s ${outside} /link; ln -s ${outside} /vol/link; echo kept > /vol/file; ln -s /vol/file /good`], {
    mounts,
  });
  for (const path of ["/link/file", "/vol/link/file"]) await expect(contents(lab.engine.copyOut(id, path))).rejects.toMatchObject({ code: "PATH_UNKNOWN" });
  expect(await contents(lab.engine.copyOut(id, "/good"))).toEqual(["kept\n"]);
  await expect(lab.engine.copyIn(id, "/vol/link", tarOf("file"))).rejects.toMatchObject({ code: "PATH_UNKNOWN" });
  expect(readFileSync(join(outside, "file"), "utf8")).toBe(SECRET);
  await lab.engine.remove(id, { volumes: true });
});

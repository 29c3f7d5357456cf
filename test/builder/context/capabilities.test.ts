/** 4.22: of a context file's xattrs security.capability is kept, in small and in wide contexts, and a change of it is seen. */
import { chmodSync, linkSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { applyOperations } from "../../../store/native/operations.ts";
import type { BuildResult } from "../../../builder/request.ts";
import { treeTool } from "../../support/root.ts";
import { ignoring, openLab, type Lab } from "../lab.ts";

const NAME = "security.capability";
/** Revision 2, effective, cap_net_bind_service; and cap_net_raw. */
const [BIND, RAW] = [0x400, 0x2000].map((bits) => {
  const value = Buffer.alloc(20);
  value.writeUInt32LE(0x0200_0001, 0);
  value.writeUInt32LE(bits, 4);
  return value;
}) as [Buffer, Buffer];
const TEXT = "FROM scratch\nCOPY . /n/\n";
const STEP = "COPY . /n/";

function give(folder: string, path: string, value: Buffer): void {
  applyOperations(treeTool, folder, [
    { kind: "xattr", path, name: "user.note", value: Buffer.from("not kept") },
    { kind: "xattr", path, name: NAME, value },
  ]);
}

/** Names of the attributes that the layer has, with the bits of the capability. */
async function found(lab: Lab, result: BuildResult): Promise<Readonly<Record<string, string>>> {
  const entries = (await lab.layers(result)).at(-1) ?? [];
  return Object.fromEntries(
    entries.flatMap(({ path, xattrs = {} }) =>
      Object.entries(xattrs).map(([name, value]) => [path, `${name} ${Buffer.from(value).readUInt32LE(4).toString(16)}`] as const),
    ),
  );
}

const contexts = [
  ["small", 3, ""],
  ["wide", 700, ""],
  ["wide with an ignore file", 700, "*.md\n"],
] as const;

test.each(contexts)("In a %s context", async (_, files, ignore) => {
  await using lab = await openLab();
  const folder = lab.context(Object.fromEntries(Array.from({ length: files }, (__, at) => [`f${at}`, String(at)])));
  for (const name of ["tool", "plain", "text"]) writeFileSync(join(folder, name), "the same");
  for (const name of ["tool", "plain"]) chmodSync(join(folder, name), 0o755);
  linkSync(join(folder, "tool"), join(folder, "tool2"));
  give(folder, "tool", BIND);
  give(folder, "text", BIND); // no program: nobody asks
  const build = async (): Promise<Awaited<ReturnType<Lab["build"]>>> => await lab.build(TEXT, ignoring(ignore));
  const first = await build();
  expect(await found(lab, first.result)).toEqual({ "n/tool": `${NAME} 400` });
  expect(await build()).toMatchObject({ result: { id: first.result.id } });
  await new Promise((resolve) => void setTimeout(resolve, 100)); // from here on stat data is trusted
  const again = await build();
  expect([again.steps.get(STEP)?.slice(0, 3), again.result.id]).toEqual(["hit", first.result.id]);
  writeFileSync(join(folder, "f1"), "other");
  const other = await build();
  expect([other.steps.get(STEP)?.slice(0, 4), await found(lab, other.result)]).toEqual(["miss", { "n/tool": `${NAME} 400` }]);
  give(folder, "tool", RAW);
  const changed = await build();
  expect([changed.steps.get(STEP)?.slice(0, 4), await found(lab, changed.result)]).toEqual(["miss", { "n/tool": `${NAME} 2000` }]);
  writeFileSync(join(folder, "tool"), readFileSync(join(folder, "tool"))); // writing takes it away
  const gone = await build();
  expect([gone.steps.get(STEP)?.slice(0, 4), await found(lab, gone.result)]).toEqual(["miss", {}]);
});

test("Of one file, and through a stage", async () => {
  await using lab = await openLab();
  const folder = lab.context({ tool: { text: "T", mode: 0o755 } });
  give(folder, "tool", BIND);
  const { result } = await lab.build("FROM scratch AS one\nCOPY tool /t\nFROM scratch\nCOPY --from=one /t /t\n");
  expect(await found(lab, result)).toEqual({ t: `${NAME} 400` });
});

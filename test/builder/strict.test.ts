import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BuilderError } from "../../builder/errors.ts";
import type { Executor } from "../../builder/executor.ts";
import type { BuildRequest } from "../../builder/request.ts";
import { STRICT_RULES, type StrictRule } from "../../builder/strict/rules.ts";
import { openLab, type Lab } from "./lab.ts";

let lab: Lab;

beforeAll(async () => {
  lab = await openLab();
  lab.context({ a: "a", b: "b", "d/target": "t", "d/link": "link:target", "deep/folder/x": "x", "deep/link": "link:folder" });
});

afterAll(async () => await lab[Symbol.asyncDispose]());

/** RUN that writes a file into /data. */
const writer: Executor = {
  run: async ({ upper }) => {
    mkdirSync(join(upper, "data"), { recursive: true });
    writeFileSync(join(upper, "data/file"), "x");
    return await Promise.resolve(0);
  },
};

interface Row {
  readonly rule: StrictRule;
  readonly text: string;
  readonly message: string;
  readonly line: number | undefined;
  readonly request?: Partial<BuildRequest>;
  /** BuildKit's way is refused here without --strict too. */
  readonly always?: true;
}

const rows: readonly Row[] = [
  { rule: "UndefinedVariable", text: "FROM scratch\nENV A=$NOBODY\n", message: "variable $NOBODY in a strict build: nothing sets it", line: 2 },
  { rule: "EmptyContinuation", text: "FROM scratch\nENV A=1 \\\n\n B=2\n", message: "there are blank lines in it", line: 2 },
  { rule: "OpenContinuation", text: "FROM scratch\nENV A=1 \\\n", message: "the last line in a strict build: it ends with \\", line: 2 },
  {
    rule: "DuplicateStageName",
    text: "FROM scratch AS a\nFROM scratch AS A\n",
    message: "stage a in a strict build: a stage before it has that name",
    line: 2,
  },
  { rule: "ReservedStageName", text: "FROM scratch AS context\n", message: "stage context in a strict build: the name is reserved", line: 1 },
  {
    rule: "UnusedBuildArgument",
    text: "ARG USED\nFROM scratch\n",
    request: { buildArgs: new Map(["USED", "USDE", "HTTP_PROXY", "BUILDKIT_SANDBOX_HOSTNAME"].map((name) => [name, "x"])) },
    message: "build argument USDE in a strict build: no ARG declares it",
    line: undefined,
  },
  { rule: "ShadowedArgument", text: "FROM scratch\nENV X=1\nARG X=2\n", message: "ARG X in a strict build: an ENV before it has that name", line: 3 },
  { rule: "JsonLookalike", text: "FROM scratch\nCMD ['a', 'b']\n", message: "CMD ['a', 'b'] in a strict build: it looks like JSON and is none", line: 2 },
  { rule: "OverriddenInstruction", text: 'FROM scratch\nCMD ["a"]\nCMD ["b"]\n', message: "CMD in a strict build: another one", line: 2 },
  { rule: "ExposedHostPort", text: "FROM scratch\nEXPOSE 8080:80\n", message: "EXPOSE 8080:80 in a strict build: it names a host port", line: 2 },
  { rule: "MissingSecret", text: "FROM scratch\nRUN --mount=type=secret,id=token x\n", message: "secret token in a strict build: it was not given", line: 2 },
  { rule: "EscapingSource", text: "FROM scratch\nCOPY ../a /\n", message: "source ../a in a strict build: it leads out of the context", line: 2 },
  { rule: "UnmatchedWildcard", text: "FROM scratch\nCOPY a *.nothing /\n", message: "source *.nothing in a strict build: it matches nothing", line: 2 },
  { rule: "SeveralSources", text: "FROM scratch\nCOPY [ab] /to\n", message: "destination /to", line: 2, always: true },
  {
    rule: "LinkedDestination",
    text: "FROM scratch\nCOPY d/ /\nCOPY a /link\n",
    message: "destination /link in a strict build: it is a link to target",
    line: 3,
  },
  {
    rule: "VolumeWrites",
    text: "FROM scratch AS v\nVOLUME /data\nFROM v\nRUN write\n",
    message: "/data/file in a strict build: RUN writes it into volume /data",
    line: 4,
  },
];

test("Each of the rules has its row", () => {
  expect([...rows.map(({ rule }) => rule), "ForeignBase"].toSorted()).toEqual(Object.keys(STRICT_RULES).toSorted());
});

test("ForeignBase is refused in a strict build", async () => {
  const { result } = await lab.build("FROM scratch\nCOPY a /\n", { platforms: [{ os: "linux", architecture: "riscv64" }] });
  await lab.store.images.tag("docker.io/local/foreign:latest", result.target);
  const text = "FROM local/foreign\nCOPY b /\n";
  await lab.build(text);
  await expect(lab.build(text, { strict: true })).rejects.toMatchObject({
    code: "STRICT_REFUSED",
    message: expect.stringContaining("it is for linux/riscv64") as unknown,
    place: { line: 1 },
  });
});

async function attempt(row: Row, strict: boolean): Promise<BuilderError | undefined> {
  try {
    await lab.build(row.text, { strict, ...row.request }, writer);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(BuilderError);
    return error as BuilderError;
  }
}

test.each(rows)("$rule is refused in a strict build, also when an ordinary one is in the cache", async (row) => {
  const ordinary = await attempt(row, false);
  expect(ordinary?.code).toBe(row.always === true ? "COPY_CONFLICT" : undefined);
  const error = await attempt(row, true);
  if (row.always !== true || error?.code === "STRICT_REFUSED") {
    expect([error?.code, error?.place?.line]).toEqual(["STRICT_REFUSED", row.line]);
    expect(error?.message).toContain(row.message);
    expect(error?.message).toContain(`(${row.rule})`);
    expect(error?.hint).toContain(`Without --strict ${STRICT_RULES[row.rule].silently}. ${STRICT_RULES[row.rule].hint}`);
  }
});

test.each([
  ["an unknown owner", "FROM scratch\nCOPY --chown=nobody-knows a /\n", "USER_UNKNOWN"],
  ["a link replaced by a folder", "FROM scratch\nCOPY d/ /\nCOPY d /link/\n", "COPY_CONFLICT"],
])("Refused with and without --strict: %s", async (_, text, code) => {
  for (const strict of [false, true]) await expect(lab.build(text, { strict })).rejects.toMatchObject({ code });
});

test("All that a plan shows is told at once", async () => {
  const text = "FROM scratch\nENV A=$NOBODY\nEXPOSE 1:2\n";
  const error = await attempt({ rule: "UndefinedVariable", text, message: "", line: 2 }, true);
  expect(error?.hint).toContain("\nAlso in line 3, EXPOSE 1:2: it names a host port or an address (ExposedHostPort)");
});

test.each([
  ["what is plain", 'FROM scratch AS one\nARG A=1\nENV B=$A\nCOPY a b /to/\nCOPY d/ /d/\nFROM one\nCOPY --from=one /to/* /more/\nWORKDIR /w\nCMD ["x"]\n'],
  ["a secret that may be missing", "FROM scratch\nRUN --mount=type=secret,id=t,required=false x\n"],
  ["a link to a folder", "FROM scratch\nCOPY deep/ /\nCOPY a /link\n"],
  ["files that are written before VOLUME", "FROM scratch\nRUN write\nVOLUME /data\n"],
])("A strict build takes %s, and the cache answers it the second time", async (_, text) => {
  await lab.build(text, { strict: true }, writer);
  const again = await lab.build(text, { strict: true });
  expect([...again.steps.values()].filter((how) => !how.startsWith("hit"))).toEqual([]);
});

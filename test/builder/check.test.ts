import fc from "fast-check";
import { expect, test } from "vitest";
import { agree } from "../../builder/check/second-look.ts";
import { checkDockerfile, NO_FACTS, readChecked, type CheckInput } from "../../builder/check/check.ts";
import { planFacts } from "../../builder/check/facts.ts";
import { RULES, type Finding } from "../../builder/check/finding.ts";
import { fixDockerfile } from "../../builder/check/fix.ts";
import { outlineOf, targetsOf } from "../../builder/check/outline.ts";
import { parseIgnoreFile } from "../../builder/context/ignore.ts";
import { parseDockerfile } from "../../builder/dockerfile/parse.ts";
import type { Image } from "../../store/store.ts";

const machine = { os: "linux", architecture: "amd64" };

function inputOf(text: string, more: Partial<CheckInput> = {}): CheckInput {
  return { dockerfile: { text, file: "Dockerfile" }, buildArgs: new Map(), ignore: [], platform: machine, machine, target: undefined, ...more };
}

/** Base images that are here: `base`, with an environment, and `foreign` of another machine. */
async function check(text: string, more: Partial<CheckInput> = {}): Promise<readonly Finding[]> {
  const input = inputOf(text, more);
  const image = (architecture: string): Image => ({ config: { ...machine, architecture, config: { Env: ["FROM_BASE=1"] } } }) as unknown as Image;
  const { facts } = await planFacts(parseDockerfile(text), {
    ...input,
    contexts: new Map(),
    openImage: ({ reference }) =>
      reference === "base"
        ? Promise.resolve(image("amd64"))
        : reference === "foreign"
          ? Promise.resolve(image("arm64"))
          : Promise.reject(new Error("not here")),
  });
  return checkDockerfile(input, facts).findings;
}

interface Row {
  readonly rule: keyof typeof RULES;
  readonly text: string;
  readonly message: string;
  readonly line: number;
  /** Undefined: nobody can tell what is meant. */
  readonly fixed?: string;
  readonly ignore?: string;
  readonly experimental?: true;
}

const rows: readonly Row[] = [
  {
    rule: "StageNameCasing",
    text: "FROM base AS Builder\nFROM base\nCOPY --from=Builder /a /a\nRUN --mount=type=bind,from=BUILDER,target=/b x\n",
    message: "Stage name 'Builder' should be lowercase",
    line: 1,
    fixed: "FROM base AS builder\nFROM base\nCOPY --from=builder /a /a\nRUN --mount=type=bind,from=builder,target=/b x\n",
  },
  { rule: "FromAsCasing", text: "FROM base as b\n", message: "'as' and 'FROM' keywords' casing do not match", line: 1, fixed: "FROM base AS b\n" },
  {
    rule: "NoEmptyContinuation",
    text: "FROM base\nRUN a \\\n\n# why\n  && b\n",
    message: "Empty continuation line",
    line: 5,
    fixed: "FROM base\nRUN a \\\n# why\n  && b\n",
  },
  {
    rule: "ConsistentInstructionCasing",
    text: "FROM base\nrun a\nRUN b\n",
    message: "Command 'run' should match the case of the command majority (uppercase)",
    line: 2,
    fixed: "FROM base\nRUN a\nRUN b\n",
  },
  { rule: "DuplicateStageName", text: "FROM base AS a\nFROM base AS a\n", message: 'Duplicate stage name "a", stage names should be unique', line: 2 },
  { rule: "ReservedStageName", text: "FROM base AS context\n", message: 'Stage name should not use the same name as reserved stage "context"', line: 1 },
  {
    rule: "JSONArgsRecommended",
    text: "FROM base\nCMD run it\n",
    message: "JSON arguments recommended for CMD to prevent unintended behavior related to OS signals",
    line: 2,
  },
  {
    rule: "MaintainerDeprecated",
    text: "FROM base\nMAINTAINER me <me@example.com>\n",
    message: "Maintainer instruction is deprecated in favor of using label",
    line: 2,
    fixed: 'FROM base\nLABEL org.opencontainers.image.authors="me <me@example.com>"\n',
  },
  { rule: "UndefinedArgInFrom", text: "ARG VERSION=1\nFROM base$VERSIN\n", message: "FROM argument 'VERSIN' is not declared (did you mean VERSION?)", line: 2 },
  {
    rule: "WorkdirRelativePath",
    text: "FROM base\nWORKDIR app\nWORKDIR more\n",
    message: 'Relative workdir "app" can have unexpected results if the base image changes',
    line: 2,
  },
  { rule: "UndefinedVar", text: "FROM base\nARG NAME=x\nENV A=$NAM\n", message: "Usage of undefined variable '$NAM' (did you mean $NAME?)", line: 3 },
  {
    rule: "MultipleInstructionsDisallowed",
    text: 'FROM base\nCMD ["a"]\nRUN x\nCMD ["b"]\n',
    message: "Multiple CMD instructions should not be used in the same stage because only the last one will be used",
    line: 2,
    fixed: 'FROM base\nRUN x\nCMD ["b"]\n',
  },
  {
    rule: "LegacyKeyValueFormat",
    text: "FROM base\nENV A  some \\\n  words\n",
    message: '"ENV key=value" should be used instead of legacy "ENV key value" format',
    line: 2,
    fixed: 'FROM base\nENV A="some \\\n  words"\n',
  },
  {
    rule: "InvalidBaseImagePlatform",
    text: "FROM foreign\n",
    message: 'Base image foreign was pulled with platform "linux/arm64", expected "linux/amd64" for current build',
    line: 1,
  },
  {
    rule: "RedundantTargetPlatform",
    text: "FROM --platform=$TARGETPLATFORM base\n",
    message: "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
    line: 1,
    fixed: "FROM base\n",
  },
  {
    rule: "SecretsUsedInArgOrEnv",
    text: "FROM base\nARG NPM_TOKEN\n",
    message: 'Do not use ARG or ENV instructions for sensitive data (ARG "NPM_TOKEN")',
    line: 2,
  },
  {
    rule: "InvalidDefaultArgInFrom",
    text: "ARG TAG\nFROM base:$TAG\n",
    message: "Default value for ARG base:$TAG results in empty or invalid base image name",
    line: 2,
  },
  {
    rule: "FromPlatformFlagConstDisallowed",
    text: "FROM --platform=linux/amd64 base\n",
    message: 'FROM --platform flag should not use constant value "linux/amd64"',
    line: 1,
  },
  {
    rule: "CopyIgnoredFile",
    text: "FROM base\nCOPY ./secret/key /\n",
    ignore: "secret\n",
    message: 'Attempting to Copy file "secret/key" that is excluded by .dockerignore',
    line: 2,
  },
  {
    rule: "InvalidDefinitionDescription",
    text: "# check=experimental=InvalidDefinitionDescription\nFROM base\n# which one\nARG VERSION\n",
    message: "Comment for ARG should follow the format: `# VERSION <description>`",
    line: 4,
    experimental: true,
  },
  {
    rule: "ExposeProtoCasing",
    text: "FROM base\nEXPOSE 80/TCP 81\n",
    message: "Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
    line: 2,
    fixed: "FROM base\nEXPOSE 80/tcp 81\n",
  },
  {
    rule: "ExposeInvalidFormat",
    text: "FROM base\nEXPOSE 127.0.0.1:8080:80\n",
    message: "EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:8080:80'",
    line: 2,
    fixed: "FROM base\nEXPOSE 80\n",
  },
];

test("Each of the rules has its row", () => {
  expect(new Set(rows.map(({ rule }) => rule))).toEqual(new Set(Object.keys(RULES)));
});

test.each(rows)("$rule is found, explained, and can be skipped", async ({ rule, text, message, line, fixed, ignore = "", experimental }) => {
  const more = { ignore: parseIgnoreFile(ignore) };
  const found = await check(text, more);
  expect(found.map((finding) => [finding.rule, finding.message, finding.place.start])).toEqual([[rule, message, line]]);
  expect(found[0]?.advice).not.toBe("");
  expect(fixDockerfile(inputOf(text)).text).toBe(fixed ?? text);
  if (experimental === undefined) expect(await check(`# check=skip=${rule}\n${text}`, more)).toEqual([]);
  else expect(await check(text.replace(/^.*\n/, ""), more)).toEqual([]);
});

test.each([
  ["variables of the base image are known", "FROM base\nENV A=$FROM_BASE\n"],
  ["nothing is said of variables when the base image is not here", "FROM elsewhere AS a\nFROM a\nENV A=$WHO_KNOWS\n"],
  ["an ARG without a value is declared", "FROM base\nARG NAME\nENV A=$NAME\n"],
  ["SHELL means the shell form", 'FROM base AS a\nSHELL ["/bin/sh", "-c"]\nFROM a\nCMD run it\n'],
  ["the stage is named after its platform", "FROM --platform=linux/arm64 foreign AS base-arm64\n"],
  ["public keys, files and versions are no secrets", "FROM base\nENV PUBLIC_KEY=1 KEY_FILE=2 TOKEN_VERSION=3\n"],
  ["arguments before FROM may be in another case", "arg A=1\narg B=1\nFROM base\n"],
  ["a rule that takes something back", "FROM base\nCOPY a /\n", "a\n!a/b\n"],
  ["an ARG of FROM that is declared without a value", "ARG TAG\nFROM --platform=$TAG base AS x\n# check=skip=all\n", ""],
])("Nothing is wrong when %s", async (_, text, ignore = "") => {
  expect(await check(text, { ignore: parseIgnoreFile(ignore) })).toEqual([]);
});

test.each([
  ["a comment for one instruction", "FROM base\n# check=skip=JSONArgsRecommended\nCMD a b\nFROM base\nCMD a b\n", ["5 JSONArgsRecommended"]],
  ["a list with blanks", "# check=skip=MaintainerDeprecated, JSONArgsRecommended\nFROM base\nMAINTAINER me\nCMD x\n", []],
  ["all", "# check=skip=all;error=true\nFROM base\nMAINTAINER me\n", []],
])("Checks are left out by %s", async (_, text, wanted) => {
  expect((await check(text)).map(({ rule, place }) => `${place.start} ${rule}`)).toEqual(wanted);
});

test("A build argument stands in for the directive", () => {
  const buildArgs = new Map([["BUILDKIT_DOCKERFILE_CHECK", "skip=JSONArgsRecommended;error=true"]]);
  const { findings, options } = checkDockerfile(inputOf("# check=skip=all\nFROM base\nMAINTAINER me\nCMD x y\n", { buildArgs }));
  expect(findings.map(({ rule }) => rule)).toEqual(["MaintainerDeprecated"]);
  expect(options.error).toBe(true);
});

test.each(["skip", "sikp=all", "error=maybe"])("Check option %s is refused", (text) => {
  expect(() => checkDockerfile(inputOf(`# check=${text}\nFROM base\n`))).toThrow(/Cannot read check option/);
});

/** Pieces with mistakes that can be mended, in all sorts of surroundings. */
const piece = fc.constantFrom(
  "RUN a \\\n\n  # note\n && b",
  "run <<EOF\nFROM x as Y\nENV a b\n\nEOF",
  'CMD ["a"]',
  "CMD a  b",
  'Entrypoint ["e"]',
  "ENV A  b c",
  `ENV  B "x y" z'w  v'`,
  "ENV C $A\\ d e",
  "label k some \\\n# note\n   words",
  "MAINTAINER me  and you",
  "EXPOSE 80/TCP 127.0.0.1:81:81/UDP",
  "EXPOSE \\\n 53/Udp",
  "healthcheck none",
  "HEALTHCHECK CMD x",
  "COPY --from=First /a /a",
  "Run --mount=type=bind,from=FIRST,target=/f true",
  "# a comment",
  "",
);
const dockerfile = fc
  .record({
    bom: fc.boolean(),
    crlf: fc.boolean(),
    end: fc.boolean(),
    as: fc.constantFrom("AS", "as", "As"),
    from: fc.constantFrom("FROM", "from"),
    first: fc.array(piece, { maxLength: 5 }),
    second: fc.array(piece, { maxLength: 8 }),
  })
  .map(({ bom, crlf, end, as, from, first, second }) => {
    const references = (text: string): boolean => /first/i.test(text);
    const lines = [`${from} scratch ${as} First`, ...first.filter((text) => !references(text)), `${from} --platform=$TARGETPLATFORM scratch`, ...second];
    const text = lines.join("\n") + (end ? "\n" : "");
    return (bom ? "\uFEFF" : "") + (crlf ? text.replaceAll("\n", "\r\n") : text);
  });

test("Fixing leaves nothing to fix, touches nothing else, and builds the same", async () => {
  await fc.assert(
    fc.asyncProperty(dockerfile, async (text) => {
      const { text: fixed } = fixDockerfile(inputOf(text));
      expect(fixDockerfile(inputOf(fixed)).text).toBe(fixed);
      expect(checkDockerfile(inputOf(fixed)).findings.filter(({ edits }) => edits.length > 0)).toEqual([]);
      expect(fixed.startsWith("\uFEFF")).toBe(text.startsWith("\uFEFF"));
      expect(/(?<!\r)\n/.test(fixed)).toBe(/(?<!\r)\n/.test(text) && fixed.includes("\n"));
      expect(await meaning(fixed)).toEqual(await meaning(text));
    }),
    { seed: 7, numRuns: 400 },
  );
});

/** What is built, without what the fixes are about: the history's words, and who made it. */
async function meaning(text: string): Promise<unknown> {
  const { planBuild } = await import("../../builder/plan/plan.ts");
  const planned = await planBuild(parseDockerfile(text), {
    target: undefined,
    platform: machine,
    machine,
    buildArgs: new Map(),
    contexts: new Map(),
    openImage: () => Promise.reject(new Error("no image is needed")),
  });
  return planned.graph.stages.map(({ config, steps }) => {
    const { "org.opencontainers.image.authors": _, ...labels } = config.Labels ?? {};
    return { config: { ...config, Labels: labels }, actions: steps.map(({ action }) => action) };
  });
}

const described = `# VERSION which release
ARG VERSION=1
# unused by the target
ARG OTHER=2
# builder makes it
FROM base:$VERSION AS builder
# MODE how it is made
ARG MODE=fast
RUN --mount=type=secret,id=token,required=true --mount=type=ssh make
FROM scratch AS lost
ARG LOST=1
# release what is shipped
FROM scratch AS release
COPY --from=builder /a /a
`;

test("Targets and what one takes are described by comments", () => {
  const checked = readChecked(inputOf(described, { buildArgs: new Map([["VERSION", "3"]]) }), NO_FACTS);
  expect(targetsOf(checked).map(({ name, description, isDefault, base }) => [name, description, isDefault, base])).toEqual([
    ["builder", "makes it", false, "base:$VERSION"],
    ["lost", "", false, "scratch"],
    ["release", "what is shipped", true, "scratch"],
  ]);
  const { args, secrets, ssh, name, description } = outlineOf(checked, undefined);
  expect([name, description]).toEqual(["release", "what is shipped"]);
  expect(args.map((arg) => [arg.name, arg.value, arg.description, arg.place.start])).toEqual([
    ["VERSION", "3", "which release", 2],
    ["MODE", "fast", "how it is made", 8],
  ]);
  expect(secrets.map((secret) => [secret.name, secret.required])).toEqual([["token", true]]);
  expect(ssh.map((one) => [one.name, one.required])).toEqual([["default", false]]);
});

const LOOKS: readonly (readonly [name: string, before: string, after: string, want: boolean])[] = [
  ["casing", "from a\nrun x\n", "FROM a\nRUN x\n", true],
  ["a maintainer", "FROM a\nMAINTAINER me\n", 'FROM a\nLABEL org.opencontainers.image.authors="me"\n', true],
  ["a command that a later one supersedes", "FROM a\nCMD x\nRUN y\nCMD z\n", "FROM a\nRUN y\nCMD z\n", true],
  ["an instruction lost", "FROM a\nRUN x\nRUN y\n", "FROM a\nRUN x RUN y\n", false],
  ["an instruction more", "FROM a\nRUN x\n", "FROM a\nRUN x\nRUN y\n", false],
];
test.each(LOOKS)("a second reading of a fix: %s", (_, before, after, want) => expect(agree(before, after)).toBe(want));

/** Rows 1.x of the fact sheet (file format and parser), each by inputs. What goldens show (fixtures/dockerfile) is not repeated. */
import { expect, test } from "vitest";
import type { Heredoc, Instruction } from "../../../builder/dockerfile/instruction.ts";
import { parseDockerfile } from "../../../builder/dockerfile/parse.ts";
import { BuilderError } from "../../../builder/errors.ts";

/** Instructions after `FROM a` as `KIND detail`, one a line. */
function outline(text: string): readonly string[] {
  return parseDockerfile(text)
    .instructions.filter(({ kind }) => kind !== "FROM")
    .map(describe);
}

function describe(instruction: Instruction): string {
  const { kind, place } = instruction;
  const where = `${kind}@${place.start}-${place.end}`;
  if (instruction.kind === "RUN" || instruction.kind === "CMD" || instruction.kind === "ENTRYPOINT") {
    const { command } = instruction;
    const heredocs = instruction.kind === "RUN" ? instruction.heredocs.map(heredoc) : [];
    return [where, command.form === "exec" ? JSON.stringify(command.args) : command.text, ...heredocs].join(" ");
  }
  if (instruction.kind === "COPY" || instruction.kind === "ADD") {
    const sources = instruction.sources.map((source) => (typeof source === "string" ? source : heredoc(source)));
    return [where, ...sources, "→", instruction.destination].join(" ");
  }
  return where;
}

function heredoc({ name, body, chomp, expand, descriptor }: Heredoc): string {
  return `{${descriptor ?? ""}${chomp ? "-" : ""}${expand ? "" : "'"}${name}:${JSON.stringify(body)}}`;
}

/** row, text after FROM a, outline */
const rows: readonly (readonly [string, string, readonly string[]])[] = [
  ["1.1 a comment with leading blanks", "  # x\n\t# y\nRUN a", ["RUN@4-4 a"]],
  ["1.1 comments inside a continuation, one of them ending in the escape", "RUN a \\\n# b \\\n  # c\n  d", ["RUN@2-5 a   d"]],
  ["1.1 # inside a line is text", "RUN a # b", ["RUN@2-2 a # b"]],
  ["1.2 blanks after the escape", "RUN a\\ \t\n b", ["RUN@2-3 a b"]],
  ["1.2 an escaped escape ends the line", "RUN a\\\\\nRUN b", ["RUN@2-2 a\\\\", "RUN@3-3 b"]],
  ["1.2 lines join with nothing between", "RUN a\\\nb", ["RUN@2-3 ab"]],
  ["1.2 a line that is only the escape", "\\\nRUN a\\\n\\\n b", ["RUN@2-5 a b"]],
  ["1.2 the backtick continues only when it is the escape", "RUN a`\nRUN b", ["RUN@2-2 a`", "RUN@3-3 b"]],
  ["1.4 an escape at the end of the file", "RUN a \\", ["RUN@2-2 a"]],
  ["1.4 a continuation of nothing but comments", "RUN a \\\n# b\n", ["RUN@2-3 a"]],
  ["1.7 any case", "rUn a\ncMd b", ["RUN@2-2 a", "CMD@3-3 b"]],
  ["1.7 blanks of any kind after the keyword", "RUN\ta\nRUN\u000bb", ["RUN@2-2 a", "RUN@3-3 b"]],
  ["1.11 strings of every kind", 'RUN ["a b", "\\u0041\\n", ""]', ['RUN@2-2 ["a b","A\\n",""]']],
  ["1.11 blanks around the array", 'RUN   [ "a" ]  ', ['RUN@2-2 ["a"]']],
  ["1.11 single quotes are no JSON", "CMD ['a']", ["CMD@2-2 ['a']"]],
  ["1.11 a trailing comma is no JSON", 'CMD ["a",]', ['CMD@2-2 ["a",]']],
  ["1.11 text after the array is no JSON", 'RUN ["a"] && b', ['RUN@2-2 ["a"] && b']],
  ["1.11 an object is no array", 'CMD {"a": 1}', ['CMD@2-2 {"a": 1}']],
  ["1.11 COPY of names with blanks", 'COPY ["a b", "c d/"]', ["COPY@2-2 a b → c d/"]],
  ["1.12 several in one line, in order", "COPY <<A <<B /d/\na\nA\nb\nB", ['COPY@2-6 {A:"a\\n"} {B:"b\\n"} → /d/']],
  ["1.12 between other sources", "COPY x <<A y /d/\na\nA", ['COPY@2-4 x {A:"a\\n"} y → /d/']],
  ["1.12 the body of one holds the word of the other", "COPY <<X <<Y /d/\nY\nX\nX\nY", ['COPY@2-6 {X:"Y\\n"} {Y:"X\\n"} → /d/']],
  ["1.12 nothing in it", "RUN <<E\nE", ['RUN@2-3 <<E {E:""}']],
  ["1.12 a descriptor", "RUN cat 3<<E\nx\nE", ['RUN@2-4 cat 3<<E {3E:"x\\n"}']],
  ["1.12 tabs before the end word, and elsewhere as written", "RUN <<-E\n\ta\n\tE", ['RUN@2-4 <<-E {-E:"\\ta\\n"}']],
  ["1.12 without the dash a tab is no end", "RUN <<E\n\tE\nE", ['RUN@2-4 <<E {E:"\\tE\\n"}']],
  ["1.12 quotes anywhere in the word", `RUN <<e'o'"f"\nx\neof`, [`RUN@2-4 <<e'o'"f" {'eof:"x\\n"}`]],
  ["1.12 an escaped quote is part of the word", "RUN <<eo\\'f\nx\neo'f", [`RUN@2-4 <<eo\\'f {eo'f:"x\\n"}`]],
  ["1.12 a word with a blank in quotes", "RUN <<'a b'\nx\na b", [`RUN@2-4 <<'a b' {'a b:"x\\n"}`]],
  ["1.12 a word that looks like a variable", "RUN <<$E\nx\n$E", ['RUN@2-4 <<$E {$E:"x\\n"}']],
  ["1.12 a blank before the word", "RUN << E cat\nx\nE", ['RUN@2-4 << E cat {E:"x\\n"}']],
  ["1.12 with a command behind", "RUN <<E python3 -\nx\nE", ['RUN@2-4 <<E python3 - {E:"x\\n"}']],
  ["1.12 comments and escapes of the body are its own", "RUN <<E\n# a \\\nb \\\nE\nRUN c", ['RUN@2-5 <<E {E:"# a \\\\\\nb \\\\\\n"}', "RUN@6-6 c"]],
  ["1.12 quoted text opens none", "RUN echo \"<<E\" '<<F'\nRUN b", ["RUN@2-2 echo \"<<E\" '<<F'", "RUN@3-3 b"]],
  ["1.12 a here-string opens none", "RUN cat <<<E\nRUN b", ["RUN@2-2 cat <<<E", "RUN@3-3 b"]],
  ["1.12 a shift opens none", "RUN echo $((1 << 2))\nRUN b", ["RUN@2-2 echo $((1 << 2))", "RUN@3-3 b"]],
  ["1.12 the exec form opens none", 'RUN ["<<E"]\nRUN b', ['RUN@2-2 ["<<E"]', "RUN@3-3 b"]],
  ["1.12 a test in brackets is no exec form", "RUN [ -f x ] || cat <<E\ny\nE", ['RUN@2-4 [ -f x ] || cat <<E {E:"y\\n"}']],
  ["1.12 behind flags, also quoted ones", "RUN --mount='type=cache,target=/a b' <<E\nx\nE", ['RUN@2-4 <<E {E:"x\\n"}']],
  ["1.12 other instructions have none", "USER <<E\nRUN a", ["USER@2-2", "RUN@3-3 a"]],
  ["1.12 carriage returns of the body stay, those of the words do not", "COPY <<E /f\r\na\r\nE\r\nRUN b\r\n", ['COPY@2-4 {E:"a\\r\\n"} → /f', "RUN@5-5 b"]],
  ["1.15 -- ends the flags", "RUN -- --x", ["RUN@2-2 --x"]],
  ["1.15 a flag after the first argument is one", "COPY a --link b/", ["COPY@2-2 a --link → b/"]],
];

test.each(rows)("%s", (_, text, wanted) => {
  expect(outline(`FROM a\n${text}`)).toEqual(wanted);
});

test("1.5 a byte order mark and carriage returns are no text", () => {
  expect(outline("\uFEFFFROM a\r\nRUN b \\\r\n  c\r\n")).toEqual(["RUN@2-3 b   c"]);
});

test("1.3 empty continuation lines are taken, and told", () => {
  const { warnings } = parseDockerfile("FROM a\nRUN a \\\n\n b");
  expect(warnings.map(({ rule }) => rule)).toEqual(["NoEmptyContinuation"]);
});

test("1.6 a line may have 65535 bytes", () => {
  expect(outline(`FROM a\nRUN ${"x".repeat(65_535 - 4)}`)).toHaveLength(1);
});

test("1.15 flags lose quotes and escapes, and keep the escape of the file apart", () => {
  const flags = (text: string): object => {
    const copy = parseDockerfile(text).instructions.find((instruction) => instruction.kind === "COPY");
    return { chown: copy?.chown, exclude: copy?.exclude, link: copy?.link };
  };
  expect(flags(`FROM a\nCOPY --chown="a b":c\\"d --exclude='x y' --exclude=z --link=FALSE s d`)).toEqual({
    chown: 'a b:c"d',
    exclude: ["x y", "z"],
    link: false,
  });
  expect(flags('# escape=`\nFROM a\nCOPY --chown=a\\b`"c s d')).toEqual({ chown: 'a\\b"c', exclude: [], link: false });
  expect(flags("FROM a\nCOPY --chown= s d")).toEqual({ chown: undefined, exclude: [], link: false });
});

test("1.10, 1.16 comments above an instruction are kept with it", () => {
  const text = "# syntax=docker/dockerfile:1\n# about a\n\n#  more\nFROM a\n# lost\n#\n# kept\nRUN x \\\n# inside\n y\nRUN z";
  expect(parseDockerfile(text).instructions.map(({ comments }) => comments)).toEqual([["about a", "more"], ["kept"], undefined]);
});

/** row, text, directives */
const directives: readonly (readonly [string, string, object])[] = [
  [
    "1.8 all three, any case and blanks",
    "# Syntax = docker/dockerfile:1 // note\n#ESCAPE=`\n#  check=skip=A, B;error=true\nFROM a",
    { syntax: "docker/dockerfile:1", escape: "`", check: "skip=A, B;error=true" },
  ],
  ["1.8 an unknown one ends them", "# x=1\n# escape=`\nFROM a", { escape: "\\" }],
  ["1.8 an empty line ends them", "\n# escape=`\nFROM a", { escape: "\\" }],
  ["1.8 a comment ends them", "# hello\n# escape=`\nFROM a", { escape: "\\" }],
  ["1.8 after a byte order mark", "\uFEFF# escape=`\nFROM a", { escape: "`" }],
  [
    "1.8 syntax and check behind #!, not escape",
    "#!/usr/bin/env -S docker build -f\n# syntax=docker/dockerfile:1\n# check=skip=all\n# escape=`\nFROM a",
    { syntax: "docker/dockerfile:1", escape: "\\", check: "skip=all" },
  ],
  ["1.8 syntax behind //", "// syntax=docker/dockerfile:1\nFROM a", { syntax: "docker/dockerfile:1", escape: "\\" }],
  ["1.8 syntax behind #! and //", "#!/bin/x\n//syntax=docker/dockerfile:1\nFROM a", { syntax: "docker/dockerfile:1", escape: "\\" }],
  [
    "1.9 any version, tag, digest or mirror of docker's front end",
    "# syntax=mirror.example:5000/docker/dockerfile-upstream:1.7-labs@sha256:0\nFROM a",
    { syntax: "mirror.example:5000/docker/dockerfile-upstream:1.7-labs@sha256:0", escape: "\\" },
  ],
];

test.each(directives)("%s", (_, text, wanted) => {
  expect(parseDockerfile(text).directives).toEqual(wanted);
});

test("1.9 BUILDKIT_SYNTAX goes before the file's own", () => {
  expect(parseDockerfile("# syntax=other/language\nFROM a", "Dockerfile", "docker/dockerfile:1").instructions).toHaveLength(1);
  expect(() => parseDockerfile("FROM a", "Dockerfile", "other/language")).toThrow("Cannot use front end other/language that BUILDKIT_SYNTAX names");
});

/** row, text, code, message, line, hint */
const refused: readonly (readonly [string, string, string, RegExp, number | undefined, string?])[] = [
  [
    "1.6 a comment that is too long",
    `FROM a\n#${"x".repeat(65_535)}`,
    "DOCKERFILE_INVALID",
    /line 2: dockerfile line greater than max allowed size of 65535/,
    2,
  ],
  ["1.6 a heredoc's line that is too long, in bytes", `FROM a\nRUN <<E\n${"ü".repeat(32_768)}\nE`, "DOCKERFILE_INVALID", /greater than max/, 3],
  ["1.7 an instruction in small letters", "FROM a\nentrypiont x", "INSTRUCTION_UNKNOWN", /unknown instruction/, 2, "Did you mean ENTRYPOINT?"],
  ["1.7 a no-break space does not end a keyword", "FROM a\nRUN\u00a0x", "INSTRUCTION_UNKNOWN", /unknown instruction/, 2],
  [
    "1.8 twice",
    "# syntax=docker/dockerfile:1\n# check=skip=A\n# SYNTAX=docker/dockerfile:2\nFROM a",
    "DOCKERFILE_INVALID",
    /only one syntax parser directive/,
    3,
  ],
  [
    "1.9 another front end",
    "# escape=`\n# syntax=example/language:2\nanything at all",
    "UNSUPPORTED",
    /front end example\/language:2/,
    2,
    "Read it as a Dockerfile all the same by --build-arg BUILDKIT_SYNTAX=docker/dockerfile:1",
  ],
  ["1.9 another front end, in JSON", '{"syntax": "example/language",\n "x": 1}', "UNSUPPORTED", /front end example\/language/, 1],
  ["1.11 nested arrays", 'FROM a\nCMD ["a", ["b"]]', "DOCKERFILE_INVALID", /strings only/, 2],
  ["1.11 null", "FROM a\nVOLUME [null]", "DOCKERFILE_INVALID", /strings only/, 2],
  ["1.12 no end of the second", "FROM a\nCOPY <<A <<B /d/\na\nA\nb", "DOCKERFILE_INVALID", /end of heredoc B/, 2],
  ["1.12 <<- does not end the next one", "FROM a\nCOPY <<-A <<B /d/\n\tA\n\tB", "DOCKERFILE_INVALID", /end of heredoc B/, 2],
  ["1.12 as a destination", "FROM a\nCOPY x <<E\nE", "DOCKERFILE_INVALID", /cannot accept a heredoc as a destination/, 2],
  ["1.15 a flag for nothing", "FROM a\nENTRYPOINT --x y", "FLAG_INVALID", /Cannot use --x with ENTRYPOINT: unknown flag/, 2],
  ["1.15 a flag of ADD alone", "FROM a\nCOPY --checksum=x a b", "FLAG_INVALID", /--checksum with COPY/, 2],
  ["1.15 a flag of COPY alone", "FROM a\nADD --from=x a b", "FLAG_INVALID", /--from with ADD/, 2],
  ["1.15 a flag that is neither true nor false", "FROM a\nCOPY --link=yes a b", "FLAG_INVALID", /expected true or false/, 2],
  ["1.15 a flag with = and nothing", "FROM a\nCOPY --link= a b", "FLAG_INVALID", /the value is missing/, 2],
  ["1.15 a flag twice", "FROM a\nRUN --network=none --network=none x", "FLAG_INVALID", /--network twice/, 2],
];

const cases = refused.map(([name, text, code, message, line, hint]) => ({ name, text, code, message, line, hint }));

test.each(cases)("$name is refused with its place", ({ text, code, message, line, hint }) => {
  const error = thrownBy(text);
  expect([error.code, error.place?.line]).toEqual([code, line]);
  expect(error.message).toMatch(message);
  if (hint !== undefined) expect(error.hint).toBe(hint);
  expect(error.place?.frame).toMatch(new RegExp(`^Dockerfile:${line}\\n-{20}\\n`));
});

function thrownBy(text: string): BuilderError {
  try {
    parseDockerfile(text);
  } catch (error) {
    if (error instanceof BuilderError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

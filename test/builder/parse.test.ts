import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerfileParser } from "dockerfile-ast";
import { expect, test } from "vitest";
import { parseDuration } from "../../builder/dockerfile/duration.ts";
import { expandPorts } from "../../builder/dockerfile/port.ts";
import { parseDockerfile } from "../../builder/dockerfile/parse.ts";
import { signalNumber } from "../../builder/dockerfile/signal.ts";
import { BuilderError, type ErrorPlace } from "../../builder/errors.ts";
import { projectRoot } from "../support/root.ts";

const fixtures = join(projectRoot, "fixtures/dockerfile");

test.each(readdirSync(fixtures))("Golden Dockerfile %s", (name) => {
  const text = readFileSync(join(fixtures, name, "Dockerfile"), "utf8");
  const { directives, warnings, instructions } = parseDockerfile(text);
  expect(JSON.parse(JSON.stringify({ directives, warnings, instructions }))).toEqual(JSON.parse(readFileSync(join(fixtures, name, "expected.json"), "utf8")));
});

/** Where dockerfile-ast is known to go wrong it is not asked. */
test.each(readdirSync(fixtures).filter((name) => !["heredocs", "directives", "comments-and-continuations", "carriage-returns"].includes(name)))(
  "dockerfile-ast finds the same instructions in %s",
  (name) => {
    const text = readFileSync(join(fixtures, name, "Dockerfile"), "utf8");
    const theirs = DockerfileParser.parse(text)
      .getInstructions()
      .map((instruction) => [instruction.getKeyword(), instruction.getRange().start.line + 1]);
    expect(parseDockerfile(text).instructions.map(({ kind, place }) => [kind, place.start])).toEqual(theirs);
  },
);

/** name, text, code, message, line, hint */
const errors: readonly (readonly [string, string, string, RegExp, number | undefined, string?])[] = [
  ["an empty file", "# nothing\n", "DOCKERFILE_INVALID", /no instructions/, undefined],
  ["a file without FROM", "ARG x\n", "DOCKERFILE_INVALID", /no FROM/, undefined],
  ["an instruction before FROM", "\nRUN x\nFROM a", "DOCKERFILE_INVALID", /no build stage/, 2],
  ["an unknown instruction", "FROM a\n\nCPOY a b", "INSTRUCTION_UNKNOWN", /CPOY/, 3, "Did you mean COPY?"],
  ["an unknown flag", "FROM a\nCOPY --chonw=1 a b", "FLAG_INVALID", /--chonw/, 2, "Did you mean --chown?"],
  ["a flag given twice", "FROM a\nCOPY --from=a --from=b a b", "FLAG_INVALID", /twice/, 2],
  ["a flag without its value", "FROM a\nCOPY --from a b", "FLAG_INVALID", /needs a value/, 2],
  ["a heredoc without an end", "FROM a\nRUN <<EOF\nx\n", "DOCKERFILE_INVALID", /end of heredoc EOF/, 2],
  ["a JSON array of numbers", "FROM a\nCMD [1]", "DOCKERFILE_INVALID", /strings only/, 2],
  ["SHELL in shell form", "FROM a\nSHELL bash -c", "DOCKERFILE_INVALID", /JSON form/, 2],
  ["a bad FROM", "FROM a b c", "DOCKERFILE_INVALID", /Cannot read FROM/, 1],
  ["a bad stage name", "FROM a AS 1x", "DOCKERFILE_INVALID", /must start with a letter/, 1],
  ["ONBUILD FROM", "FROM a\nONBUILD FROM b", "DOCKERFILE_INVALID", /trigger/, 2],
  ["ONBUILD ONBUILD", "FROM a\nONBUILD ONBUILD RUN x", "DOCKERFILE_INVALID", /trigger/, 2],
  ["COPY of one word", "FROM a\nCOPY a", "DOCKERFILE_INVALID", /at least two/, 2],
  ["ENV without a value", "FROM a\nENV a", "DOCKERFILE_INVALID", /two arguments/, 2],
  ["a pair without =", "FROM a\nENV a=1 b", "DOCKERFILE_INVALID", /can't find =/, 2],
  ["HEALTHCHECK with a tiny interval", "FROM a\nHEALTHCHECK --interval=1us CMD x", "FLAG_INVALID", /1ms/, 2],
  ["HEALTHCHECK of neither kind", "FROM a\nHEALTHCHECK curl", "DOCKERFILE_INVALID", /NONE or CMD/, 2],
  ["a directive given twice", "# escape=`\n# escape=`\nFROM a", "DOCKERFILE_INVALID", /only one escape/, 2],
  ["an impossible escape", "# escape=x\nFROM a", "DOCKERFILE_INVALID", /escape character/, 1],
  ["an unknown network", "FROM a\nRUN --network=hots x", "FLAG_INVALID", /hots/, 2, "Did you mean host?"],
  ["an unknown security mode", "FROM a\nRUN --security=insecrue x", "FLAG_INVALID", /insecrue/, 2, "Did you mean insecure?"],
  ["a line that is too long", `FROM a\nRUN ${"x".repeat(65_536)}`, "DOCKERFILE_INVALID", /greater than max allowed size/, 2],
  ["a variable in --from", "FROM a\nCOPY --from=$x a b", "FLAG_INVALID", /variables/, 2, "Name the image by FROM … AS first"],
];

const refused = errors.map(([name, text, code, message, line, hint]) => ({ name, text, code, message, line, hint }));

test.each(refused)("$name is refused with its place", ({ text, code, message, line, hint }) => {
  let error: unknown;
  try {
    parseDockerfile(text);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(BuilderError);
  const { place, ...found } = error as BuilderError;
  expect(found.code).toBe(code);
  expect((error as BuilderError).message).toMatch(message);
  expect(place?.line).toBe(line);
  if (hint !== undefined) expect(found.hint).toBe(hint);
});

test("The frame shows the lines around the mistake", () => {
  try {
    parseDockerfile("FROM a\nRUN one\nRUN two\nCPOY a \\\n  b\nCMD x\nCMD y\nCMD z\n", "docker/Dockerfile.dev");
    expect.unreachable();
  } catch (error) {
    expect((error as BuilderError).place?.frame).toBe(
      [
        "docker/Dockerfile.dev:4",
        "--------------------",
        "   2 |     RUN one",
        "   3 |     RUN two",
        "   4 | >>> CPOY a \\",
        "   5 | >>>   b",
        "   6 |     CMD x",
        "   7 |     CMD y",
        "--------------------",
      ].join("\n"),
    );
  }
});

test.each([
  ["1m30s", 90e9],
  ["1.5h", 5400e9],
  ["500ms", 5e8],
  ["0", 0],
  ["2us3ns", 2003],
  ["-1s", -1e9],
  ["1", undefined],
  ["s", undefined],
  ["1x", undefined],
])("Duration %s", (text, wanted) => {
  expect(parseDuration(text)).toBe(wanted);
});

test.each([
  ["SIGTERM", 15],
  ["term", 15],
  ["9", 9],
  ["SIGRTMIN+3", 37],
  ["RTMAX-1", 63],
  ["RTMIN", 34],
  ["SIGNOPE", undefined],
  ["0", undefined],
  ["65", undefined],
])("Signal %s", (text, wanted) => {
  expect(signalNumber(text)).toBe(wanted);
});

test.each([
  ["80", ["80/tcp"]],
  ["53/UDP", ["53/udp"]],
  ["8000-8002", ["8000/tcp", "8001/tcp", "8002/tcp"]],
  ["127.0.0.1:8080:80", ["80/tcp"]],
])("Port %s", (word, wanted) => {
  expect(expandPorts(word)).toEqual(wanted);
});

test.each(["abc", "80/icmp", "90-80", "70000", "80/tcp/udp", ""])("Port %j is refused", (word) => {
  expect(() => expandPorts(word)).toThrow(/Cannot expose/);
});

test("A NUL byte is refused where it stands", () => {
  expect(() => parseDockerfile("FROM scratch\nCOPY a\0b /\n")).toThrow("a NUL byte is in it");
});

test("A mistake in a line of any length is shown in few words", () => {
  let place: ErrorPlace | undefined;
  try {
    parseDockerfile(`FROM a\nRUN ${"x".repeat(1_000_000)}`);
  } catch (error) {
    place = (error as BuilderError).place;
  }
  expect(place?.frame).toMatch(/2 \| >>> RUN x+…\n/);
  expect(place?.frame.length).toBeLessThan(2000);
});

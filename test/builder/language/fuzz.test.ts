/** Whatever stands in a Dockerfile, the parser and the plan answer with instructions or with a BuilderError that has its place. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readFlags, splitFlags } from "../../../builder/dockerfile/flags.ts";
import { parseDockerfile } from "../../../builder/dockerfile/parse.ts";
import { substitute } from "../../../builder/dockerfile/substitute.ts";
import { BuilderError } from "../../../builder/errors.ts";
import { parseMount } from "../../../builder/plan/mount.ts";
import { planBuild } from "../../../builder/plan/plan.ts";
import { projectRoot } from "../../support/root.ts";

const PARAMETERS = { seed: 20_240_901, numRuns: 1500 };

const folder = join(projectRoot, "fixtures/dockerfile");
const fixtures = readdirSync(folder).map((name) => readFileSync(join(folder, name, "Dockerfile"), "utf8"));

/** Pieces that mean something somewhere in the language. */
const PIECES = [
  ..."\\`\"'${}#=<>-,:/\n\r\t []".split(""),
  "<<E",
  "<<-'E'",
  "\nE\n",
  "3<<X",
  "${a:-",
  "${b?",
  "${c//x/",
  "#!",
  "# escape=`\n",
  "# syntax=",
  "\\\n",
  "\0",
  "\uFEFF",
  "\u2028",
  "\ud800",
  "🦊",
  "FROM ",
  "FROM scratch AS a\n",
  "RUN ",
  "COPY --from=a ",
  "ONBUILD ",
  "ARG x\n",
  "ENV x=$x ",
  "EXPOSE 1-65535 ",
  "HEALTHCHECK --interval=",
  "SHELL [",
  'VOLUME ["',
  "--mount=type=cache,target=",
  "--link ",
  "WORKDIR ",
];

type Mutation = readonly [at: number, cut: number, piece: string];

const mutation: fc.Arbitrary<Mutation> = fc.tuple(fc.nat(2000), fc.nat(12), fc.constantFrom(...PIECES));
const mutated = fc
  .tuple(fc.constantFrom(...fixtures), fc.array(mutation, { minLength: 1, maxLength: 12 }))
  .map(([text, mutations]) => mutations.reduce(mutate, text));
const composed = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: "binary", maxLength: 6 })), { maxLength: 40 })
  .map((pieces) => pieces.join(""));
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array).toString("utf8"));
const anyText = fc.oneof(mutated, composed, bytes, fc.string({ unit: "binary", maxLength: 300 }));

function mutate(text: string, [at, cut, piece]: Mutation): string {
  const index = at % (text.length + 1);
  return text.slice(0, index) + piece + text.slice(index + cut);
}

/** Undefined when it is refused in the way that refusals are told. */
function answered<Value>(action: () => Value): Value | undefined {
  try {
    return action();
  } catch (error) {
    expect(error).toBeInstanceOf(BuilderError);
    return undefined;
  }
}

test("The parser gives instructions in their places, or an error with its own", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const lines = text.split("\n").length;
      try {
        let last = 0;
        for (const { place } of parseDockerfile(text).instructions) {
          expect(place.start).toBeGreaterThan(last);
          expect(place.end).toBeGreaterThanOrEqual(place.start);
          last = place.end;
        }
        expect(last).toBeLessThanOrEqual(lines);
      } catch (error) {
        if (!(error instanceof BuilderError)) throw error;
        const isEmpty = /has no (?:instructions|FROM)$/.test(error.message);
        expect(error.place === undefined).toBe(isEmpty);
        if (error.place !== undefined) expect(error.place.frame).toContain(`Dockerfile:${error.place.line}`);
      }
    }),
    PARAMETERS,
  );
});

test("The plan of whatever can be parsed is made, or refused in its place", async () => {
  const platform = { os: "linux", architecture: "amd64" };
  const openImage = async (): Promise<never> => await Promise.reject(new BuilderError("IMAGE_UNKNOWN", "Cannot open it: nothing is there"));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        mutated,
        composed.map((text) => `FROM scratch\n${text}`),
      ),
      async (text) => {
        const dockerfile = answered(() => parseDockerfile(text));
        if (dockerfile === undefined) return;
        const options = { target: undefined, platform, machine: platform, buildArgs: new Map([["x", "1"]]), contexts: new Map(), openImage };
        try {
          const { graph } = await planBuild(dockerfile, options);
          for (const { steps } of graph.stages) for (const { place } of steps) expect(place.start).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof BuilderError)) throw error;
          expect(error.place).toBeDefined();
        }
      },
    ),
    PARAMETERS,
  );
});

const wordPieces = [
  "$a",
  "${a}",
  "${",
  "}",
  "${a:-",
  "${u-",
  "${a:+",
  "${u:?",
  "${a#",
  "${a##*",
  "${a%%",
  "${a/",
  "${a//",
  "/",
  "*",
  "?",
  "\\*",
  "\\}",
  "'",
  '"',
  "\\",
  "`",
  "$",
  "$$",
  " ",
  "x",
  "/x/",
  "🦊",
  "\ud800",
];
const word = fc.oneof(
  fc.array(fc.constantFrom(...wordPieces), { maxLength: 25 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 40 }),
);
const values = fc.record({ a: fc.string({ unit: "binary", maxLength: 30 }), x: fc.constantFrom("", "*", "\\", "a b") });

test("Words are expanded or refused, and what is quoted never splits", () => {
  fc.assert(
    fc.property(word, values, fc.constantFrom("\\", "`"), (text, variables, escape) => {
      const found = answered(() => substitute(text, new Map(Object.entries(variables)), { escape }));
      if (found === undefined) return;
      expect(found.words.join("").replaceAll(/\s/g, "")).toBe(found.text.replaceAll(/\s/g, ""));
    }),
    PARAMETERS,
  );
});

test("A word without anything special stays, and one in single quotes is itself", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
      const plain = text.replaceAll(/[$'"\\`\s]/g, "");
      expect(substitute(plain, new Map(), { escape: "\\" }).text).toBe(plain);
      const quoted = text.replaceAll("'", "");
      expect(substitute(`'${quoted}'`, new Map(), { escape: "\\" }).text).toBe(quoted);
    }),
    PARAMETERS,
  );
});

test("Flags that are written with quotes are read as they were", () => {
  const quote = (value: string): string => `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), { maxLength: 5 }), fc.string({ maxLength: 20 }), (flagValues, rest) => {
      const text = [...flagValues.map((value) => `--exclude=${quote(value)}`), "--", rest].join(" ");
      const found = splitFlags(text, "\\");
      expect(readFlags("COPY", found.flags, { repeated: ["exclude"] }).all("exclude")).toEqual(flagValues);
      expect(found.rest.trim()).toBe(rest.trim());
    }),
    PARAMETERS,
  );
});

const keys = ["type", "target", "dst", "source", "from", "ro", "rw", "id", "sharing", "mode", "uid", "gid", "size", "env", "required", "Type", "nope"];
const fieldValues = fc.oneof(
  fc.constantFrom("bind", "cache", "tmpfs", "secret", "ssh", "/", "..", "/a", "0755", "true", "1g", "locked", "$a", '"', '""', ","),
  fc.string({ unit: "binary", maxLength: 8 }),
);
const field = fc.tuple(fc.constantFrom(...keys), fieldValues, fc.boolean()).map(([key, value, isBare]) => (isBare ? key : `${key}=${value}`));

test("Mounts have an absolute target below the root, or are refused", () => {
  const scope = { cwd: "/w", expand: (text: string) => text, from: () => ({ kind: "scratch" }) as const, cacheNamespace: "" };
  fc.assert(
    fc.property(fc.array(field, { maxLength: 6 }), (fields) => {
      const plan = answered(() => parseMount(fields.join(","), scope));
      const target = plan?.target;
      if (target !== undefined) expect(target).toMatch(/^\/[^]+/);
    }),
    PARAMETERS,
  );
});

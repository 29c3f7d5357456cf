/** Every flag that docker's verbs have is taken here, or refused by its name with the reason. The list is frozen from Debian's docker.io. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import type { Context } from "../../cli/context.ts";
import { VERBS } from "../../cli/verbs.ts";
import { plainBooleans } from "../../cli/containers/plain-booleans.ts";
import { projectRoot } from "../support/root.ts";

const frozen = JSON.parse(readFileSync(join(projectRoot, "fixtures/docker/flags.json"), "utf8")) as {
  readonly version: string;
  readonly verbs: Readonly<Record<string, readonly string[]>>;
};

/** Flags of other programs' worlds, refused as unknown. */
const NOT_OURS: Readonly<Record<string, readonly string[]>> = { version: ["--kubeconfig"] };

async function verb(words: string): Promise<Command> {
  const [first = "", ...rest] = words.split(" ");
  const { command } = await VERBS[first]!.load(rest);
  return rest.reduce(
    (group, name) => {
      const child = group.commands.find((one) => one.name() === name || one.aliases().includes(name));
      if (child === undefined) throw new Error(`there is no verb ${words}`);
      return child;
    },
    command({} as Context),
  );
}

describe(`docker.io ${frozen.version}`, () => {
  test.each(Object.entries(frozen.verbs).filter(([name]) => !name.startsWith("network")))("%s", async (name, flags) => {
    const { options } = await verb(name);
    const known = new Set(options.flatMap(({ long, short }) => [long, short]));
    const wanted = flags.flatMap((flag) => flag.split(" ")).filter((flag) => flag !== "--help" && NOT_OURS[name]?.includes(flag) !== true);
    expect(wanted.filter((flag) => !known.has(flag))).toEqual([]);
  });
});

describe("refused by name", () => {
  const rows = [
    ["run", "--gpus", "all"],
    ["run", "--link", "db:db"],
    ["run", "--runtime", "runc"],
    ["run", "--kernel-memory", "64m"],
    ["run", "--cpu-rt-runtime", "950000"],
    ["run", "--link-local-ip", "169.254.1.1"],
    ["run", "--isolation", "hyperv"],
    ["run", "--volume-driver", "rexray"],
    ["update", "--kernel-memory", "64m"],
  ] as const;
  test.each(rows)("%s %s %s", async (name, flag, value) => {
    const parser = (await verb(name)).exitOverride();
    const words = name === "run" ? [flag, value, "image"] : [flag, value, "container"];
    await expect(parser.parseAsync(words, { from: "user" })).rejects.toThrow(new RegExp(`(?:Cannot take|invalid) ${flag}`));
  });
});

describe("flags with true and false", () => {
  const rows = [
    { verb: "run", words: ["--rm=true", "-it", "img"], want: ["--rm", "-it", "img"] },
    { verb: "run", words: ["--rm=false", "-d=true", "img"], want: ["-d", "img"] },
    { verb: "run", words: ["--sig-proxy=false", "img"], want: ["--no-sig-proxy", "img"] },
    { verb: "run", words: ["-e", "--rm=true", "img", "--rm=true"], want: ["-e", "--rm=true", "img", "--rm=true"] },
    { verb: "run", words: ["--env=A=true", "img"], want: ["--env=A=true", "img"] },
    { verb: "run", words: ["-m=64m", "-e=A=b", "img", "-m=1"], want: ["-m", "64m", "-e", "A=b", "img", "-m=1"] },
    { verb: "ps", words: ["--no-trunc=true", "-a=0"], want: ["--no-trunc"] },
    { verb: "ps", words: ["--no-trunc=false"], want: [] },
    { verb: "network", words: ["create", "--internal=true", "net"], want: ["create", "--internal", "net"] },
  ];
  test.each(rows)("$verb $words", async ({ verb: name, words, want }) => expect(plainBooleans(await verb(name), words)).toEqual(want));
});

/** What a Dockerfile offers: its targets, and what one target takes from outside. Descriptions are the comments `# NAME text`. Spec: BuildKit's subrequests outline and targets. */
import { posix } from "node:path";
import type { InstructionOf, Place } from "../dockerfile/instruction.ts";
import { isOf, type Checked, type WrittenStage } from "./checked.ts";
import type { Written } from "./written.ts";

export interface Target {
  readonly name: string | undefined;
  readonly isDefault: boolean;
  readonly description: string;
  readonly base: string;
  readonly platform: string | undefined;
  readonly place: Place;
}

export interface Outline {
  readonly name: string | undefined;
  readonly description: string;
  readonly args: readonly { readonly name: string; readonly value: string; readonly description: string; readonly place: Place }[];
  readonly secrets: readonly Wanted[];
  readonly ssh: readonly Wanted[];
}

export interface Wanted {
  readonly name: string;
  readonly required: boolean;
  readonly place: Place;
}

export function targetsOf({ stages }: Pick<Checked, "stages">): readonly Target[] {
  return stages.map(({ name, from, index }) => ({
    name,
    isDefault: index === stages.length - 1,
    description: name === undefined ? "" : describe(from, name),
    base: from.instruction.image,
    platform: from.instruction.platform,
    place: from.instruction.place,
  }));
}

/** `target` is a name or a number; undefined is the last stage, and so is a name that there is not. */
export function outlineOf(checked: Pick<Checked, "stages" | "written" | "globals">, target: string | undefined): Outline {
  const { stages } = checked;
  const wanted = stages.findLast(({ name, index }) => name === target?.toLowerCase() || String(index) === target) ?? stages.at(-1);
  const needed = wanted === undefined ? [] : neededBy(wanted, stages);
  const mounts = needed.flatMap(({ body }) =>
    body.filter(isOf("RUN")).flatMap(({ instruction }) => instruction.mounts.map((text) => readMount(text, instruction))),
  );
  return {
    name: wanted?.name,
    description: wanted?.name === undefined ? "" : describe(wanted.from, wanted.name),
    args: argsOf(needed, checked),
    secrets: firsts(mounts.filter(({ type }) => type === "secret")),
    ssh: firsts(mounts.filter(({ type }) => type === "ssh")),
  };
}

/** A stage, what it stands on and what it copies from, each once. */
function neededBy(stage: WrittenStage, stages: readonly WrittenStage[], seen = new Set<WrittenStage>()): readonly WrittenStage[] {
  if (seen.has(stage)) return [];
  seen.add(stage);
  const named = stage.body.flatMap(({ instruction }) => {
    if (instruction.kind === "COPY") return [instruction.from];
    return instruction.kind === "RUN" ? instruction.mounts.map((mount) => /(?:^|,)from=([^,]+)/.exec(mount)?.[1]) : [];
  });
  const others = named.flatMap(
    (name) => stages.slice(0, stage.index).findLast((other) => other.name === name?.toLowerCase() || String(other.index) === name) ?? [],
  );
  return [...(stage.parent === undefined ? [] : [stage.parent]), ...others, stage].flatMap((one) => (one === stage ? [one] : neededBy(one, stages, seen)));
}

function argsOf(needed: readonly WrittenStage[], { written, globals }: Pick<Checked, "written" | "globals">): Outline["args"] {
  const heads = written.slice(0, written.findIndex(isOf("FROM"))).filter(isOf("ARG"));
  const found = new Map<string, Outline["args"][number]>();
  const add = (name: string, one: Written, value: string): void => {
    if (!found.has(name)) found.set(name, { name, value, description: describe(one, name), place: one.instruction.place });
  };
  const addGlobal = (name: string): void => {
    const one = heads.find(({ instruction }) => instruction.args.some((arg) => arg.name === name));
    if (one === undefined || found.has(name)) return;
    add(name, one, globals.values.get(name) ?? "");
    for (const other of namesIn(one.instruction.args.find((arg) => arg.name === name)?.value ?? "")) addGlobal(other);
  };
  for (const { from, body } of needed) {
    for (const name of namesIn(`${from.instruction.image} ${from.instruction.platform ?? ""}`)) addGlobal(name);
    for (const one of body.filter(isOf("ARG"))) {
      for (const { name, value } of one.instruction.args) {
        if (value === undefined) addGlobal(name);
        add(name, one, value ?? "");
      }
    }
  }
  return [...found.values()].sort((a, b) => a.place.start - b.place.start);
}

function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name = ""]) => name);
}

function describe({ comments }: Written, name: string): string {
  return comments.find((comment) => comment.startsWith(`${name} `))?.slice(name.length + 1) ?? "";
}

function readMount(text: string, { place }: InstructionOf<"RUN">): Wanted & { readonly type: string } {
  const fields = new Map(text.split(",").map((field) => [field.split("=", 1)[0] ?? "", field.includes("=") ? field.slice(field.indexOf("=") + 1) : "true"]));
  const type = fields.get("type") ?? "bind";
  const target = fields.get("target") ?? fields.get("dst") ?? fields.get("destination") ?? "";
  const name = fields.get("id") ?? (type === "ssh" ? "default" : posix.basename(target) || (fields.get("env") ?? ""));
  return { type, name, required: fields.get("required") === "true", place };
}

function firsts(wanted: readonly (Wanted & { readonly type: string })[]): readonly Wanted[] {
  const found = new Map<string, Wanted>();
  for (const { name, required, place } of wanted) if (!found.has(name)) found.set(name, { name, required, place });
  return [...found.values()].sort((a, b) => a.place.start - b.place.start);
}

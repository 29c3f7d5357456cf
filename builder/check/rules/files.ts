/** Lines, ports and files. */
import { posix } from "node:path";
import type { Checked } from "../checked.ts";
import { isOf } from "../checked.ts";
import type { Edit, Finding } from "../finding.ts";
import { lineStarts } from "../written.ts";
import type { Written } from "../written.ts";

/** The blank lines between continued ones are taken out. */
export function noEmptyContinuation({ dockerfile, text }: Checked): readonly Finding[] {
  const starts = lineStarts(text);
  return dockerfile.warnings
    .filter(({ rule }) => rule === "NoEmptyContinuation")
    .map(({ message, place }) => {
      const edits: Edit[] = [];
      for (let line = place.start; line < place.end; line++) {
        if ((dockerfile.lines[line] ?? "").trim() === "") edits.push({ start: starts[line] ?? text.length, end: starts[line + 1] ?? text.length, text: "" });
      }
      return { rule: "NoEmptyContinuation", message, place: { start: place.end, end: place.end }, advice: "Take the empty lines out", edits };
    });
}

export function exposeProtoCasing({ written }: Checked): readonly Finding[] {
  return literalPorts(written, (port) => {
    const [, ports = "", protocol = ""] = /^([^/]*\/)([^/]+)$/.exec(port) ?? [];
    if (protocol === protocol.toLowerCase()) return undefined;
    const better = ports + protocol.toLowerCase();
    return { rule: "ExposeProtoCasing", message: `Defined protocol '${port}' in EXPOSE instruction should be lowercase`, better };
  });
}

export function exposeInvalidFormat({ written }: Checked): readonly Finding[] {
  return literalPorts(written, (port) => {
    const better = port.slice(port.lastIndexOf(":") + 1);
    if (better === port) return undefined;
    const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`;
    return { rule: "ExposeInvalidFormat", message, better };
  });
}

type PortFinding = { readonly rule: "ExposeProtoCasing" | "ExposeInvalidFormat"; readonly message: string; readonly better: string };

/** Ports without variables: what comes out of a variable is not written here. */
function literalPorts(written: readonly Written[], find: (port: string) => PortFinding | undefined): readonly Finding[] {
  return written.filter(isOf("EXPOSE")).flatMap((one) =>
    one.words
      .filter(({ text }) => !/[$"'\\`]/.test(text))
      .flatMap(({ text, start, end }) => {
        const found = find(text);
        if (found === undefined) return [];
        const { better, ...rest } = found;
        return [{ ...rest, place: one.instruction.place, advice: `Write ${better}`, edits: one.edit(start, end, better) }];
      }),
  );
}

/** Rules with `!` are left alone: something in an ignored folder may be taken back. */
export function copyIgnoredFile({ facts, ignore, ignorePatterns, dockerfile }: Checked): readonly Finding[] {
  if (ignore.isEmpty || ignore.hasExceptions) return [];
  return facts.copies.flatMap(({ place, sources }) => {
    const isAdd = dockerfile.instructions.some((one) => one.kind === "ADD" && one.place.start === place.start);
    return sources
      .map((source) => posix.normalize(source).replace(/(?<=.)\/+$/, ""))
      .filter((source) =>
        source === "." || source === "/"
          ? ignorePatterns.some((pattern) => /^(?:\*|\*\*|\*\*\/\*)$/.test(pattern))
          : ignore.ignores(source.replace(/^\/+/, "")),
      )
      .map((source) => ({
        rule: "CopyIgnoredFile" as const,
        message: `Attempting to ${isAdd ? "Add" : "Copy"} file ${JSON.stringify(source)} that is excluded by .dockerignore`,
        place,
        advice: `Take ${source} out of .dockerignore, or do not copy it`,
        edits: [],
      }));
  });
}

import fc from "fast-check";
import { expect, test } from "vitest";
import { Progress, type BuildEvent } from "../../builder/progress.ts";
import { maskSecrets } from "../../cli/build/mask-secrets.ts";
import { cellsOf, cut, spread, visible } from "../../cli/build/progress-cells.ts";
import { PlainProgress } from "../../cli/build/progress-plain.ts";
import { RawProgress } from "../../cli/build/progress-raw.ts";

/** Runs `play` on a clock of its own and gives what plain progress printed. */
function plain(play: (progress: Progress, wait: (seconds: number) => void) => void, explain = false): string {
  let now = 0;
  let printed = "";
  const view = new PlainProgress({ write: (text) => (printed += text) }, explain, () => now);
  play(new Progress((event) => view.show(event), explain), (seconds) => (now += seconds * 1000));
  view.end();
  view.end(); // a second time says nothing more
  return printed;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

test("Plain progress is a block for each vertex, with times", () => {
  const printed = plain((progress, wait) => {
    const load = progress.start("[internal] load build definition from Dockerfile");
    load.done();
    const from = progress.start("[1/2] FROM base");
    from.cached();
    from.done();
    const run = progress.start("[2/2] RUN make");
    wait(0.1234);
    run.output("stdout", bytes("one\r\ntw"));
    wait(9.9);
    run.output("stderr", bytes("o\nlast"));
    wait(100);
    run.done();
  });
  expect(printed).toBe(`#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s

#2 [1/2] FROM base
#2 CACHED

#3 [2/2] RUN make
#3 0.123 one
#3 10.02 two
#3 110.0 last
#3 DONE 110.0s
`);
});

test("One vertex speaks at a time, and those that end come first", () => {
  const printed = plain((progress, wait) => {
    const slow = progress.start("slow");
    const quick = progress.start("quick");
    const third = progress.start("third");
    wait(1);
    quick.output("stdout", bytes("waits\n"));
    slow.output("stdout", bytes("speaks\n"));
    third.done();
    wait(1);
    slow.output("stdout", bytes("again\n"));
    wait(6);
    quick.output("stdout", bytes("has waited for long\n"));
    slow.failed("it was cancelled", true);
    quick.done();
  });
  expect(printed).toBe(`#1 slow
#1 1.000 speaks
#1 ...

#3 third
#3 DONE 1.0s

#2 quick
#2 1.000 waits
#2 8.000 has waited for long
#2 ...

#1 slow
#1 2.000 again
#1 CANCELED

#2 quick
#2 DONE 8.0s
`);
});

test("A failure ends with the last lines of its step", () => {
  const printed = plain((progress) => {
    const run = progress.start("[2/2] RUN seq 12");
    run.output("stdout", bytes(Array.from({ length: 12 }, (_, at) => `${at + 1}\n`).join("")));
    run.failed("exit code: 1", false);
  });
  const tail = Array.from({ length: 10 }, (_, at) => `0.000 ${at + 3}\n`).join("");
  expect(printed.endsWith(`#1 0.000 12\n#1 ERROR: exit code: 1\n------\n > [2/2] RUN seq 12:\n${tail}------\n`)).toBe(true);
});

test("Bytes are told when there is news", () => {
  const printed = plain((progress, wait) => {
    const pull = progress.start("pull");
    for (const current of [0, 1, 2e6, 2e6 + 1, 12e6, 40e6]) {
      pull.status({ id: "layer", current, total: 40e6, isDone: false });
      if (current <= 2e6) wait(0.1);
    }
    wait(0.5);
    pull.status({ id: "layer", current: 40e6, total: 40e6, isDone: true });
    pull.done();
  });
  expect(printed).toBe("#1 pull\n#1 layer 2.00MB / 40.00MB 0.2s\n#1 layer 12.00MB / 40.00MB 0.3s\n#1 layer 40.00MB / 40.00MB 0.8s done\n#1 DONE 0.8s\n");
});

test("rawjson has the shape of BuildKit's status stream", () => {
  const lines: Record<string, readonly Record<string, unknown>[]>[] = [];
  const view = new RawProgress({ write: (text) => lines.push(JSON.parse(text) as never) }, () => 0);
  const progress = new Progress((event) => view.show(event), false);
  const base = progress.start("[1/2] FROM base", { as: "image base" });
  base.cached();
  base.done();
  const run = progress.start("[2/2] RUN make", { as: "stage 0", after: [["stage 0", "image base"]] });
  run.output("stderr", bytes("\xff\n"));
  run.status({ id: "layer", current: 1, total: 2, isDone: true });
  run.failed("exit code: 1", false);
  view.warn([{ rule: "UndefinedVar", message: "m", place: { start: 3, end: 4 }, advice: "a", edits: [] }], { text: "FROM base", file: "Dockerfile" });
  const time = "1970-01-01T00:00:00.000Z";
  const [from, make] = [lines[0]?.["vertexes"]?.[0]?.["digest"], lines[2]?.["vertexes"]?.[0]?.["digest"]];
  expect(from).toMatch(/^sha256:[0-9a-f]{64}$/);
  const fromVertex = { digest: from, name: "[1/2] FROM base", started: time };
  const makeVertex = { digest: make, inputs: [from], name: "[2/2] RUN make", started: time };
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  expect(lines).toEqual([
    { vertexes: [fromVertex] },
    { vertexes: [{ ...fromVertex, cached: true, completed: time }] },
    { vertexes: [makeVertex] },
    { logs: [{ vertex: make, stream: 2, data: base64("\xff\n"), timestamp: time }] },
    { statuses: [{ id: "layer", vertex: make, total: 2, current: 1, timestamp: time, started: time, completed: time }] },
    { vertexes: [{ ...makeVertex, completed: time, error: "exit code: 1" }] },
    {
      warnings: [
        {
          vertex: from,
          level: 1,
          short: base64("UndefinedVar: m (line 3)"),
          detail: [base64("Variables should be defined before their use"), base64("a")],
          sourceInfo: { filename: "Dockerfile", language: "Dockerfile", data: base64("FROM base") },
          range: [{ start: { line: 3 }, end: { line: 4 } }],
        },
      ],
    },
  ]);
});

test.each([
  ["colours and cursor", "\u001b[1;31mred\u001b[0m\u001b[2K!", "red!"],
  ["a title", "\u001b]0;title\u0007text", "text"],
  ["what was written over", "10%\r50%\r100%\r", "100%"],
  ["a bell and a null", "a\u0007b\u0000", "ab"],
  ["tabs", "a\tb", "a b"],
])("Of output with %s a terminal shows the text", (_, text, wanted) => {
  expect(visible(text)).toBe(wanted);
});

test("Text is cut by cells, whatever it holds", () => {
  expect(cellsOf("e\u0301日本")).toBe(5);
  expect(cut("日本", 3)).toBe("日");
  expect(spread("a long name", "1.0s", 10)).toBe("a lon 1.0s");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary", maxLength: 8 }), fc.nat(40), (left, right, width) => {
      expect(cellsOf(spread(visible(left), visible(right), width))).toBeLessThanOrEqual(width);
    }),
    { seed: 3 },
  );
});

test("Secrets are hidden however the output is cut, and nothing else is", () => {
  const pieces = fc.array(fc.constantFrom("hunter22", "hunter2", "hunt", "er22", "\n", "\xff", "x"), { maxLength: 12 });
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(30), { maxLength: 6 }), (words, cuts) => {
      const mask = maskSecrets(new Map([["id", { read: () => bytes("hunter22\n") }]]));
      mask.secrets.get("id")?.read();
      let shown = "";
      const show = mask.wrap((event: BuildEvent) => {
        if (event.kind === "output") shown += Buffer.from(event.data).toString("latin1");
      });
      const text = words.join("");
      const places = [0, ...cuts.map((place) => Math.min(place, text.length)).sort((a, b) => a - b), text.length];
      places.slice(1).forEach((end, at) => show({ kind: "output", vertex: 1, stream: "stdout", data: Buffer.from(text.slice(places[at], end), "latin1") }));
      show({ kind: "done", vertex: 1 });
      expect(shown).toBe(text.replaceAll("hunter22", "*****"));
    }),
    { seed: 5, numRuns: 500 },
  );
});

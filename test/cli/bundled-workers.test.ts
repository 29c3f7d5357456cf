/** What the bundle makes of files that start threads. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { projectRoot } from "../support/root.ts";

interface Plugin {
  transform(code: string, id: string): { readonly code: string } | null;
}

const thread = (name: string): string => `new Worker(new URL("./${name}.js", import.meta.url));\n`;

async function plugin(workers: Record<string, string>): Promise<Plugin> {
  const path = pathToFileURL(join(projectRoot, "scripts/bundled-workers.mjs")).href;
  const { bundledWorkers } = (await import(path)) as { readonly bundledWorkers: (dist: string, workers: Record<string, string>) => Plugin };
  return bundledWorkers("/dist", workers);
}

test("every thread of a file is bundled and found", async () => {
  const workers = {};
  const { transform } = await plugin(workers);
  const made = transform(`${thread("one-worker")}${thread("two-worker")}${thread("one-worker")}`, "/dist/store/a.js");
  expect(workers).toEqual({ "one-worker": "/dist/store/one-worker.js", "two-worker": "/dist/store/two-worker.js" });
  expect(made?.code.match(/"[\w-]+\.cjs"/g)).toEqual(['"one-worker.cjs"', '"two-worker.cjs"', '"one-worker.cjs"']);
  expect(made?.code).not.toContain("import.meta.url");
});

test.each([
  { name: "a thread of no known file", code: "new Worker(file)", says: /does not say which file/ },
  { name: "two files of one name", code: thread("one-worker"), says: /\/dist\/builder\/one-worker\.js has the same name/ },
])("$name is refused", async ({ code, says }) => {
  const { transform } = await plugin({ "one-worker": "/dist/builder/one-worker.js" });
  expect(() => transform(code, "/dist/store/a.js")).toThrow(says);
});

test("files without threads stay as they are", async () => {
  const { transform } = await plugin({});
  expect([transform("1", "/dist/a.js"), transform(thread("x"), "/elsewhere/a.js")]).toEqual([null, null]);
});

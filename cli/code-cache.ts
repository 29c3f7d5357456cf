/**
 * Starts a program of the bundle with V8's compiled code of each file (and of the packages it requires), which lies beside it: half of a
 * short command is compiling. Files of the bundle are found by their names alone, where Node's loader would look at a dozen places each.
 * Made when the bundle is, by a few commands. Files compiled here may not `import()`: the bundle requires instead.
 * Code of another Node, or damaged, is passed over and costs nothing but time.
 */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Script } from "node:vm";
import { readKept, writeKept } from "./kept-code.ts";

/** What Node's CommonJS loader calls for each file; stable since Node 0.x and replaced in the same way by v8-compile-cache and pirates. */
interface Loader {
  prototype: { _compile(this: NodeModule, content: string, filename: string): unknown };
  _resolveFilename(request: string, parent: NodeModule, isMain: boolean, options?: unknown): string;
  _cache: NodeJS.Require["cache"];
}

/** What a file is run with, as Node does. */
interface Scope {
  readonly exports: unknown;
  readonly require: (id: string) => unknown;
  readonly module: object;
}

type Run = (filename: string, content: string, scope: Scope) => unknown;

/** Runs the program `name` of the bundle in `folder`. */
export function startBundled(folder: string, name: string): void {
  startWith(runner(folder), folder, name);
}

/** The same; `save` writes what this process compiled, with what had been there. */
export function startRecorded(folder: string, name: string): { save(): void } {
  const scripts = new Map<string, Script>();
  startWith(
    runner(folder, (filename, script) => scripts.set(filename, script)),
    folder,
    name,
  );
  return {
    save(): void {
      for (const [filename, script] of scripts) writeKept(codeOf(folder, filename), script.createCachedData());
    },
  };
}

function startWith(run: Run, folder: string, name: string): void {
  const main = process.mainModule as NodeJS.Module;
  const loader = main.constructor as unknown as Loader; // node:module would be another millisecond
  loader.prototype._compile = function compile(content, filename) {
    return run(filename, content, { exports: this.exports, require: requireFor(this, loader), module: this });
  };
  const loaded = new Map<string, { readonly exports: object }>();
  const load = (file: string): object => {
    const known = loaded.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    loaded.set(file, module);
    const filename = `${folder}/${file}`;
    run(filename, readFileSync(filename, "utf8"), { exports: module.exports, require, module });
    return module.exports;
  };
  const ofPackages = requireFor(main, loader);
  const require = Object.assign((id: string): unknown => (id.startsWith("./") ? load(id.slice(2)) : ofPackages(id)), ofPackages);
  load(`${name}.cjs`);
}

function runner(folder: string, compiled?: (filename: string, script: Script) => void): Run {
  return (filename, content, { exports, require, module }) => {
    const cachedData = readKept(codeOf(folder, filename));
    const options = { filename };
    const script = new Script(`${BEFORE}${content}${AFTER}`, cachedData === undefined ? options : { ...options, cachedData });
    compiled?.(filename, script);
    const run = script.runInThisContext() as (...scope: readonly unknown[]) => unknown;
    return run.call(exports, exports, require, module, filename, dirname(filename));
  };
}

/** As Node's loader wraps each file. */
const BEFORE = "(function (exports, require, module, __filename, __dirname) { ";
const AFTER = "\n});";

function requireFor(module: NodeModule, loader: Loader): NodeJS.Require {
  const require = (id: string): unknown => module.require(id);
  const resolve = (request: string, options?: unknown): string => loader._resolveFilename(request, module, false, options);
  return Object.assign(require, { resolve, main: process.mainModule, cache: loader._cache }) as unknown as NodeJS.Require;
}

/** V8 takes code only with the flags that it was made with: those of short commands, as in bin/strata.js, or none. */
const FLAGS = process.execArgv.includes("--no-rehash-snapshot") ? "short" : "plain";

/** The folder is two below the project's, whose place does not matter. */
function codeOf(folder: string, filename: string): string {
  return join(folder, `${relative(join(folder, "../.."), filename).replaceAll("/", "_")}.${FLAGS}.code`);
}

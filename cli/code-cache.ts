/**
 * Keeps V8's compiled code of each file of the bundle (and of what it requires) in the bundle's folder: half of a short command is compiling.
 * Installed before anything else is loaded; made when the bundle is, by a few commands.
 * Files compiled here may not `import()`: the bundle requires instead.
 * Another Node version's code is refused by V8 and costs nothing but time.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Script } from "node:vm";

/** What Node's CommonJS loader calls for each file; stable since Node 0.x and replaced in the same way by v8-compile-cache and pirates. */
interface Loader {
  prototype: { _compile(this: NodeModule, content: string, filename: string): unknown };
  wrap(content: string): string;
  _resolveFilename(request: string, parent: NodeModule, isMain: boolean, options?: unknown): string;
  _cache: NodeJS.Require["cache"];
}

export function useCodeCache(folder: string): void {
  compileWith(folder);
}

/** Adds what this process compiles to what is there; `save` writes it. */
export function recordCodeCache(folder: string): { save(): void } {
  const scripts = new Map<string, Script>();
  compileWith(folder, (filename, script) => scripts.set(filename, script));
  return {
    save(): void {
      for (const [filename, script] of scripts) writeFileSync(codeOf(folder, filename), script.createCachedData());
    },
  };
}

function compileWith(folder: string, compiled?: (filename: string, script: Script) => void): void {
  const loader = (process.mainModule as NodeJS.Module).constructor as unknown as Loader; // node:module would be another millisecond
  loader.prototype._compile = function compile(content, filename) {
    const cachedData = readCode(folder, filename);
    const options = { filename };
    const script = new Script(loader.wrap(content), cachedData === undefined ? options : { ...options, cachedData });
    compiled?.(filename, script);
    const run = script.runInThisContext() as (...scope: readonly unknown[]) => unknown;
    return run.call(this.exports, this.exports, requireFor(this, loader), this, filename, dirname(filename));
  };
}

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

/** Undefined where none was made: it is compiled as usual. */
function readCode(folder: string, filename: string): Buffer | undefined {
  try {
    return readFileSync(codeOf(folder, filename));
  } catch {
    return undefined;
  }
}

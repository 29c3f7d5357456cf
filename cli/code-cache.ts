/**
 * Keeps V8's compiled code of the bundle (and of what it requires) in one file beside it: half of a short command is compiling.
 * Installed before anything else is loaded; made when the bundle is, by a few commands.
 * Files compiled here may not `import()`: the bundle requires instead.
 * Another Node version's cache is refused by V8 and costs nothing but time.
 */
import { readFileSync, writeFileSync } from "node:fs";
import Module from "node:module";
import { dirname } from "node:path";
import { Script } from "node:vm";

/** File name → where its code lies in the blob: offset and length in bytes. */
type Index = Readonly<Record<string, readonly [offset: number, length: number]>>;

/** What Node's CommonJS loader calls for each file; stable since Node 0.x and replaced in the same way by v8-compile-cache and pirates. */
interface Loader {
  prototype: { _compile(this: NodeModule, content: string, filename: string): unknown };
  wrap(content: string): string;
  _resolveFilename(request: string, parent: NodeModule, isMain: boolean, options?: unknown): string;
  _cache: NodeJS.Require["cache"];
}

export function useCodeCache(file: string): void {
  const codes = readCache(file);
  if (codes.size > 0) compileWith(codes);
}

/** Adds what this process compiles to what is there; `save` writes it. */
export function recordCodeCache(file: string): { save(): void } {
  const known = readCache(file);
  const scripts = new Map<string, Script>();
  compileWith(known, (filename, script) => scripts.set(filename, script));
  return {
    save(): void {
      writeCache(file, new Map([...known, ...[...scripts].map(([filename, script]) => [filename, script.createCachedData()] as const)]));
    },
  };
}

function compileWith(codes: ReadonlyMap<string, Buffer>, compiled?: (filename: string, script: Script) => void): void {
  const loader = Module as unknown as Loader;
  loader.prototype._compile = function compile(content, filename) {
    const cachedData = codes.get(filename);
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

/** File name → code; empty when none was made: everything is compiled as usual. */
function readCache(file: string): ReadonlyMap<string, Buffer> {
  let blob: Buffer;
  try {
    blob = readFileSync(file);
  } catch {
    return new Map();
  }
  const start = 4 + blob.readUInt32LE(0);
  const index = JSON.parse(blob.toString("utf8", 4, start)) as Index;
  return new Map(Object.entries(index).map(([filename, [offset, length]]) => [filename, blob.subarray(start + offset, start + offset + length)]));
}

function writeCache(file: string, codes: ReadonlyMap<string, Buffer>): void {
  const index: Record<string, readonly [number, number]> = {};
  let offset = 0;
  for (const [filename, code] of codes) {
    index[filename] = [offset, code.length];
    offset += code.length;
  }
  const header = Buffer.from(JSON.stringify(index));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  writeFileSync(file, Buffer.concat([length, header, ...codes.values()]));
}

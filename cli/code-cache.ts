/**
 * Keeps V8's compiled code of the bundle (and of what it requires) in one file beside it: half of a short command is compiling.
 * Installed before anything else is loaded; made once, when the bundle is. Files compiled here may not `import()`: the bundle requires instead.
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
  const code = readCache(file);
  if (code !== undefined) compileWith((filename) => code(filename));
}

/** Records what this process compiles; `save` writes it. */
export function recordCodeCache(file: string): { save(): void } {
  const scripts = new Map<string, Script>();
  compileWith(
    () => undefined,
    (filename, script) => scripts.set(filename, script),
  );
  return {
    save(): void {
      writeCache(file, scripts);
    },
  };
}

function compileWith(cached: (filename: string) => Buffer | undefined, compiled?: (filename: string, script: Script) => void): void {
  const loader = Module as unknown as Loader;
  loader.prototype._compile = function compile(content, filename) {
    const cachedData = cached(filename);
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

function readCache(file: string): ((filename: string) => Buffer | undefined) | undefined {
  let blob: Buffer;
  try {
    blob = readFileSync(file);
  } catch {
    return undefined; // none was made: everything is compiled as usual
  }
  const start = 4 + blob.readUInt32LE(0);
  const index = JSON.parse(blob.toString("utf8", 4, start)) as Index;
  return (filename) => {
    const place = index[filename];
    return place === undefined ? undefined : blob.subarray(start + place[0], start + place[0] + place[1]);
  };
}

function writeCache(file: string, scripts: ReadonlyMap<string, Script>): void {
  const index: Record<string, readonly [number, number]> = {};
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [filename, script] of scripts) {
    const data = script.createCachedData();
    index[filename] = [offset, data.length];
    parts.push(data);
    offset += data.length;
  }
  const header = Buffer.from(JSON.stringify(index));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  writeFileSync(file, Buffer.concat([length, header, ...parts]));
}

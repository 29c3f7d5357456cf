/** The context that the tables of COPY's rules share, and how their rows write what they want. */
import type { Files } from "../lab.ts";

export const TREE: Files = {
  "a.txt": "A",
  "b.txt": "B",
  ".hidden": "H",
  run: { text: "#!", mode: 0o755 },
  setuid: { text: "S", mode: 0o4755 },
  "d/x.txt": "X",
  "d/y.md": "Y",
  "d/sub/z": "Z",
  "d/link": "link:x.txt",
  alias: "link:d",
  "n?pe": "Q",
  "[x]": "I",
  "out/escape": "link:../../../../etc/passwd",
  "loop/a": "link:b",
  "loop/b": "link:a",
};

export const F = "file 644 0:0";
export const D = "directory 755 0:0";

export type Wanted = Readonly<Record<string, string>>;
/** Number in facts/dockerfile.md and what it is about, instructions after FROM scratch, files wanted. */
export type Row = readonly [string, string, Wanted];
/** The same, error code, message. */
export type Refusal = readonly [string, string, string, RegExp];

export function under(prefix: string, files: Wanted): Wanted {
  return Object.fromEntries(Object.entries(files).map(([path, what]) => [path === "" ? prefix : prefix === "" ? path : `${prefix}/${path}`, what]));
}

export const IN_D: Wanted = { link: "symlink 777 0:0 -> x.txt", sub: D, "sub/z": `${F} Z`, "x.txt": `${F} X`, "y.md": `${F} Y` };
export const WHOLE_D: Wanted = { "": D, ...IN_D };

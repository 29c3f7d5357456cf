/**
 * V8's code of one file, kept in another with a checksum at its end. V8 looks at its own version, its flags and the source's length, but not at
 * what the code is: a block of zeros in it ends the process, and so does the code of another Node whose V8 has the same number.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const SUM_BYTES = 8;

let checksum: ((bytes: Uint8Array, text: string) => number) | undefined;

/** Of code and all that it is good for. `path` is in the bundle, from where the addon is loaded: apart from system/addon.ts, which is part of what is kept. */
function sumOf(code: Uint8Array, path: string): bigint {
  if (checksum === undefined) {
    const addon = { exports: {} as { checksum: typeof checksum } };
    process.dlopen(addon, join(dirname(path), "../../build/Release/strata-system.node"));
    checksum = addon.exports.checksum!;
  }
  return BigInt(checksum(code, `${basename(path)} ${program()}`));
}

let named: string | undefined;

/** Builds of one version differ in what they have compiled in: their size tells them apart. */
function program(): string {
  return (named ??= `${process.version} ${process.arch} ${process.versions.v8} ${statSync(process.execPath, { throwIfNoEntry: false })?.size}`);
}

/** Undefined where there is none, or none that this very program wrote: then the file is compiled as usual. */
export function readKept(path: string): Buffer | undefined {
  try {
    const bytes = readFileSync(path);
    const code = bytes.subarray(0, -SUM_BYTES);
    return bytes.readBigUInt64LE(code.length) === sumOf(code, path) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** On disk before it has its name: after a loss of power it is whole or absent. */
export function writeKept(path: string, code: Buffer): void {
  const sum = Buffer.alloc(SUM_BYTES);
  sum.writeBigUInt64LE(sumOf(code, path));
  const fresh = `${path}.new`;
  const fd = openSync(fresh, "w");
  try {
    writeFileSync(fd, Buffer.concat([code, sum]));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(fresh, path);
}

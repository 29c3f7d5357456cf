/** What Node has no call for, as a list of operations that the tree tool carries out beneath one folder, through no link. */
import { encodeName } from "../file-names.ts";
import { runTreeToolSync } from "./tree-tool.ts";

export type Operation =
  | {
      readonly kind: "mknod";
      readonly path: string;
      readonly type: "fifo" | "character" | "block";
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    }
  | { readonly kind: "xattr"; readonly path: string; readonly name: string; readonly value: Uint8Array }
  | { readonly kind: "owner"; readonly path: string; readonly uid: number; readonly gid: number }
  | { readonly kind: "mode"; readonly path: string; readonly mode: number }
  /** Seconds, fractions allowed; of a link itself. */
  | { readonly kind: "times"; readonly path: string; readonly mtime: number; readonly mtimeNsec?: number };

const FORMAT: Readonly<Record<"fifo" | "character" | "block", number>> = { fifo: 0o010000, character: 0o020000, block: 0o060000 };
/** Bytes of `struct operation` in store/native/tree/apply.c. */
const HEADER_BYTES = 40;

/** Does nothing, quickly, for an empty list. @throws {StoreError} `NATIVE_FAILED` */
export function applyOperations(treeTool: string, folder: string, operations: readonly Operation[]): void {
  if (operations.length > 0) runTreeToolSync(treeTool, ["apply", folder], Buffer.concat(operations.map(encode)));
}

function encode(operation: Operation): Buffer {
  switch (operation.kind) {
    case "mknod":
      return pack("m", operation.path, { a: FORMAT[operation.type] | operation.mode, b: operation.major, d: operation.minor });
    case "xattr":
      return pack("x", operation.path, { name: operation.name, value: operation.value });
    case "owner":
      return pack("o", operation.path, { a: operation.uid, b: operation.gid });
    case "mode":
      return pack("c", operation.path, { a: operation.mode });
    case "times":
      return pack("t", operation.path, { c: Math.floor(operation.mtime), d: operation.mtimeNsec ?? 0 });
  }
}

interface Fields {
  readonly a?: number;
  readonly b?: number;
  readonly c?: number;
  readonly d?: number;
  readonly name?: string;
  readonly value?: Uint8Array;
}

function pack(code: string, path: string, { a = 0, b = 0, c = 0, d = 0, name = "", value = new Uint8Array() }: Fields): Buffer {
  const parts = [encodeName(path), Buffer.from(name), value] as const;
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(HEADER_BYTES + parts[0].length + parts[1].length + parts[2].length, 0);
  header.write(code, 4, "latin1");
  header.writeUInt32LE(a, 8);
  header.writeUInt32LE(b, 12);
  header.writeBigInt64LE(BigInt(c), 16);
  header.writeUInt32LE(d, 24);
  parts.forEach((part, index) => header.writeUInt32LE(part.length, 28 + index * 4));
  return Buffer.concat([header, ...parts]);
}

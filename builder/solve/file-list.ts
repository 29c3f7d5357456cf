/**
 * What a COPY step last put where: for linking what did not change and for saying what did. One compact file a step,
 * next to the digest indexes; it is a help, not a truth: losing it costs only time.
 */
import * as fs from "node:fs";
import { decodeName, encodeName } from "../../store/file-names.ts";
import type { ChainID, LayerEntry } from "../../store/store.ts";
import { keepHint } from "../keep-hint.ts";

export interface ListedFile {
  /** In the layer. */
  readonly path: string;
  /** Hex; "" for what is no file. */
  readonly digest: string;
  /** What a link must agree in: mode, owner, time, xattrs. */
  readonly meta: string;
}

export type FileList = readonly ListedFile[];

export interface SavedList {
  readonly chain: ChainID;
  readonly files: FileList;
}

export function metaOf({ type, mode, uid, gid, mtime, xattrs, target = "" }: LayerEntry): string {
  const attributes = Object.entries(xattrs ?? {}).map(([name, value]) => `,${name}=${Buffer.from(value).toString("hex")}`);
  return type === "file" ? `${mode},${uid},${gid},${mtime}${attributes.join("")}` : `${type},${mode},${uid},${gid},${target}`;
}

/** Undefined when there is none, or it is damaged. */
export function loadFileList(path: string): SavedList | undefined {
  try {
    const [chain = "", paths = "", digests = "", metas = "", indexes = ""] = decodeName(fs.readFileSync(path)).split("\n\0\n");
    const shared = metas.split("\0");
    const digestOf = digests.split(",");
    const metaAt = indexes.split(",");
    const files = paths === "" ? [] : paths.split("\0").map((file, at) => ({ path: file, digest: digestOf[at] ?? "", meta: shared[Number(metaAt[at])] ?? "" }));
    return { chain: chain as ChainID, files };
  } catch {
    return undefined;
  }
}

/** Best effort. Most files share mode, owner and time: those are stored once. */
export function saveFileList(path: string, { chain, files }: SavedList): void {
  const metas = new Map<string, number>();
  const indexes = files.map(({ meta }) => {
    const index = metas.get(meta) ?? metas.size;
    metas.set(meta, index);
    return index;
  });
  const columns = [
    chain,
    files.map((file) => file.path).join("\0"),
    files.map(({ digest }) => digest).join(","),
    [...metas.keys()].join("\0"),
    indexes.join(","),
  ];
  keepHint(path, encodeName(columns.join("\n\0\n")));
}

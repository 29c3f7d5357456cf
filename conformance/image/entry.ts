/** One thing in a file system, as far as builders have to agree on it: times are not part of that. */

export interface Entry {
  readonly type: "file" | "directory" | "symlink" | "fifo" | "character-device" | "block-device";
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** SHA-256 of a file's content, target of a link, or numbers of a device; else empty. */
  readonly content: string;
  /** `name=value`, sorted, values in base64. */
  readonly xattrs: readonly string[];
}

/** A file system by path, without leading slash. Hard links are the same object under several paths. */
export type Tree = ReadonlyMap<string, Entry>;

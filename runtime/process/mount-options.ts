/** The words of mount(8) as attributes for mount_setattr, propagation, and what is left for the file system. Source: linux/mount.h. */

/** For mount_setattr; of the two fields, `set` wins. */
export interface Attributes {
  readonly set: number;
  readonly clear: number;
}

export interface MountOptions extends Attributes {
  readonly bind: boolean;
  /** `rbind`: mounts below come along. */
  readonly recursive: boolean;
  /** `rro`, `rnosuid`…: of this mount and those below it. */
  readonly deep: Attributes;
  /** MS_PRIVATE…, with MS_REC for mounts below too; 0 leaves it. */
  readonly propagation: number;
  /** `idmap`, `ridmap`: files keep their ids on disk and have the container's inside; `deep` those of mounts below too. */
  readonly idmap: "none" | "flat" | "deep";
  /** A tmpfs begins with what it covers. */
  readonly copyUp: boolean;
  /** For the file system: `mode=755`, `size=64m`… */
  readonly data: readonly string[];
}

export const RDONLY = 0x1;
const ATIME_FIELD = 0x70;

const ATTRIBUTES: Readonly<Record<string, Partial<Attributes>>> = {
  ro: { set: RDONLY },
  rw: { clear: RDONLY },
  nosuid: { set: 0x2 },
  suid: { clear: 0x2 },
  nodev: { set: 0x4 },
  dev: { clear: 0x4 },
  noexec: { set: 0x8 },
  exec: { clear: 0x8 },
  relatime: { clear: ATIME_FIELD },
  atime: { clear: ATIME_FIELD }, // the kernel's own choice, which is relatime
  noatime: { set: 0x10, clear: ATIME_FIELD },
  strictatime: { set: 0x20, clear: ATIME_FIELD },
  nodiratime: { set: 0x80 },
  diratime: { clear: 0x80 },
  nosymfollow: { set: 0x200000 },
  symfollow: { clear: 0x200000 },
};

const RECURSIVE = 1 << 14;
const PROPAGATION: Readonly<Record<string, number>> = {
  private: 1 << 18,
  rprivate: (1 << 18) | RECURSIVE,
  slave: 1 << 19,
  rslave: (1 << 19) | RECURSIVE,
  shared: 1 << 20,
  rshared: (1 << 20) | RECURSIVE,
  unbindable: 1 << 17,
  runbindable: (1 << 17) | RECURSIVE,
};

const NEUTRAL = new Set([
  "defaults",
  "bind",
  "rbind",
  "async",
  "noiversion",
  "nomand",
  "loud",
  "silent",
  "norelatime",
  "nostrictatime",
  "nolazytime",
  "idmap",
  "ridmap",
  "tmpcopyup",
]);

/** Every word that is understood here; others are the file system's. */
export const MOUNT_OPTION_WORDS: readonly string[] = [
  ...Object.keys(ATTRIBUTES),
  ...Object.keys(ATTRIBUTES).map((word) => `r${word}`),
  ...Object.keys(PROPAGATION),
  ...NEUTRAL,
].toSorted();

export function parseMountOptions(words: readonly string[]): MountOptions {
  let own: Attributes = { set: 0, clear: 0 };
  let deep: Attributes = { set: 0, clear: 0 };
  let propagation = 0;
  const data: string[] = [];
  for (const word of words) {
    const [attribute, below] = [ATTRIBUTES[word], word.startsWith("r") ? ATTRIBUTES[word.slice(1)] : undefined];
    if (word in PROPAGATION) propagation = PROPAGATION[word] ?? 0;
    else if (attribute !== undefined) own = changed(own, attribute);
    else if (below !== undefined) deep = changed(deep, below);
    else if (!NEUTRAL.has(word)) data.push(word);
  }
  return {
    bind: words.includes("bind") || words.includes("rbind"),
    recursive: words.includes("rbind"),
    ...own,
    deep,
    propagation,
    idmap: words.includes("ridmap") ? "deep" : words.includes("idmap") ? "flat" : "none",
    copyUp: words.includes("tmpcopyup"),
    data,
  };
}

/** The later word wins. */
function changed(before: Attributes, { set = 0, clear = 0 }: Partial<Attributes>): Attributes {
  return { set: (before.set & ~clear) | set, clear: (before.clear & ~set) | clear };
}

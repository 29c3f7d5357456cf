/** `-rwsr-xr-x`, as ls shows a mode. */
import type { LayerEntry } from "../../store/store.ts";

const TYPE: Readonly<Record<LayerEntry["type"], string>> = {
  file: "-",
  hardlink: "-",
  directory: "d",
  symlink: "l",
  fifo: "p",
  character: "c",
  block: "b",
  whiteout: "w",
  opaque: "o",
};

export function modeText({ type, mode }: Pick<LayerEntry, "type" | "mode">): string {
  const letters = "rwxrwxrwx".split("").map((letter, index) => ((mode & (0o400 >> index)) === 0 ? "-" : letter));
  const special = (bit: number, at: number, letter: string): void => {
    if ((mode & bit) !== 0) letters[at] = letters[at] === "x" ? letter : letter.toUpperCase();
  };
  special(0o4000, 2, "s");
  special(0o2000, 5, "s");
  special(0o1000, 8, "t");
  return TYPE[type] + letters.join("");
}

/** A snapshot mounted as the runtime mounts it, for as long as the value is held. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmdirSync } from "node:fs";
import type { ActiveSnapshot } from "../../store/store.ts";

export interface Mounted extends Disposable {
  readonly path: string;
}

export function mountOverlay({ lowers, upper, work }: ActiveSnapshot): Mounted {
  const path = `${upper}-mounted`;
  mkdirSync(path);
  const options = `lowerdir=${lowers.join(":")},upperdir=${upper},workdir=${work},redirect_dir=off,metacopy=off,index=off`;
  execFileSync("mount", ["-t", "overlay", "overlay", "-o", options, path]);
  return {
    path,
    [Symbol.dispose]() {
      execFileSync("umount", [path]);
      rmdirSync(path);
    },
  };
}

/**
 * Downloads kept under the root: content by digest, and for each URL what the server last said of it. They only save time.
 * A file is written aside and renamed when it is whole.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { ownedName, isAbandoned } from "../../store/owner.ts";

export interface UrlRecord {
  /** `sha256:…` */
  readonly digest: string;
  readonly size: number;
  readonly etag?: string;
  readonly lastModified?: string;
  /** By Content-Disposition or a redirect, for URLs whose path names nothing. */
  readonly name?: string;
}

export class DownloadStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = join(root, "builder", "downloads");
  }

  /** What the server said last, if its content is here. */
  find(url: string): UrlRecord | undefined {
    try {
      const record = JSON.parse(fs.readFileSync(this.#urlFile(url), "utf8")) as UrlRecord;
      return this.content(record.digest)?.size === record.size ? record : undefined;
    } catch {
      return undefined; // none, or damaged
    }
  }

  remember(url: string, record: UrlRecord): void {
    const file = this.#urlFile(url);
    const fresh = join(this.#root, ownedName());
    fs.writeFileSync(fresh, JSON.stringify(record), { mode: 0o600 });
    fs.renameSync(fresh, file);
  }

  /** Marks it as used. */
  content(digest: string): { readonly file: string; readonly size: number } | undefined {
    const file = this.#contentFile(digest);
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    const now = new Date();
    fs.utimesSync(file, now, now);
    return { file, size: stat.size };
  }

  /** A new file to write to; `keep` gives it its name, or whoever asked removes it. */
  open(): string {
    for (const folder of ["urls", "sha256"]) fs.mkdirSync(join(this.#root, folder), { recursive: true, mode: 0o700 });
    for (const name of fs.readdirSync(this.#root)) if (isAbandoned(name)) fs.rmSync(join(this.#root, name), { force: true });
    return join(this.#root, ownedName());
  }

  keep(fresh: string, digest: string): string {
    const file = this.#contentFile(digest);
    fs.renameSync(fresh, file);
    return file;
  }

  /** Removes what was not used since `before` (milliseconds). */
  prune(before: number): void {
    for (const kind of ["urls", "sha256"]) {
      const folder = join(this.#root, kind);
      for (const name of fs.existsSync(folder) ? fs.readdirSync(folder) : []) {
        const stat = fs.statSync(join(folder, name), { throwIfNoEntry: false });
        if (stat !== undefined && stat.mtimeMs < before) fs.rmSync(join(folder, name), { force: true });
      }
    }
  }

  #urlFile(url: string): string {
    return join(this.#root, "urls", createHash("sha256").update(url).digest("hex").slice(0, 32));
  }

  #contentFile(digest: string): string {
    return join(this.#root, "sha256", digest.replace(/^sha256:/, ""));
  }
}

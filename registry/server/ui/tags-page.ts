/** The tags of a repository, newest first: what each is, for which platforms, how large and how old. */
import type { Reply } from "../../../http/message.ts";
import type { Digest } from "../../../store/digest.ts";
import { RegistryError } from "../../errors.ts";
import { inBatches } from "../in-batches.ts";
import { countOf, showBytes } from "./format.ts";
import { html, type Html } from "./html.ts";
import { NOTHING, pathOf, showDigest, showPage, showTable, showTime } from "./layout.ts";
import { findManifest, imagesOf, isImageIndex, platformName, readConfig, sizeOfImage, type ReadManifest } from "./read-image.ts";
import { readOffset, showMore, showSearch } from "./repositories-page.ts";
import type { PageSource, Visit } from "./source.ts";

const ROWS = 30;
/** To put the newest first every tag is looked up; of more than these they come by name, the last first. */
const MAX_SORTED = 2000;
/** Of an index whose images are looked up for a row. */
const MAX_PLATFORMS = 8;
/** Tags that stand for what is said of an image: cosign's, and those of registries without the referrers API. */
const SAID = /^sha(?:256|512)-[0-9a-f]{64,128}(?:\.\w+)?$/;

/** Numbers in names count as such. Made once: each comparison of `localeCompare` makes one. */
const byNumber = new Intl.Collator("en", { numeric: true });

interface Tagged {
  readonly tag: string;
  /** Undefined where it was not looked up. */
  readonly digest: Digest | undefined;
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
}

export async function showTags(source: PageSource, { request: { query }, name, now }: Visit): Promise<Reply> {
  if (!(await source.repositories.exists(name))) throw new RegistryError("NAME_UNKNOWN", `Cannot show ${name}: there is no such repository`);
  const wanted = (query.get("q") ?? "").trim();
  const all = query.get("all") === "1";
  const found = (await source.repositories.tags(name)).filter((tag) => tag.toLowerCase().includes(wanted.toLowerCase()));
  const shown = all ? found : found.filter((tag) => !SAID.test(tag));
  const from = readOffset(query);
  const newest = await newestFirst(source, name, shown, { from, count: ROWS });
  const rows = await Promise.all(newest.map(async (tagged) => await showTag(source, name, tagged, now)));
  const path = pathOf(name);
  const others = found.length - shown.length;
  const more = html` · <a href="${pathOf(name, "", "", { all: "1" })}">${countOf(others, "more tag")} of signatures and attestations</a>`;
  const body = html`${showSearch(path, "Search tags", wanted)}
    <p class="quiet">${countOf(shown.length, "tag")}${others === 0 ? NOTHING : more}</p>
    ${rows.length === 0 ? NOTHING : showTable("Tags, newest first", ["Tag", "Digest", "Platforms", "Pushed"], rows)}
    ${showMore(path, { q: wanted, all: all ? "1" : "" }, from + ROWS, shown.length)}`;
  return showPage({ title: name, body });
}

/** Names of the newest tags of images. */
export async function newestTags(source: PageSource, name: string, count: number): Promise<readonly string[]> {
  const tags = (await source.repositories.tags(name)).filter((tag) => !SAID.test(tag));
  return (await newestFirst(source, name, tags, { from: 0, count })).map(({ tag }) => tag);
}

interface Part {
  readonly from: number;
  readonly count: number;
}

/** `sorted` bytewise, which is what many stay, the last first. */
async function newestFirst({ repositories }: PageSource, name: string, sorted: readonly string[], { from, count }: Part): Promise<readonly Tagged[]> {
  if (sorted.length > MAX_SORTED) {
    const end = Math.max(0, sorted.length - from);
    const part = sorted.slice(Math.max(0, end - count), end).toReversed();
    return part.map((tag) => ({ tag, digest: undefined, pushedAt: 0 }));
  }
  const tagged: Tagged[] = [];
  await inBatches(sorted, async (tag) => {
    const digest = await repositories.tag(name, tag);
    const link = digest === undefined ? undefined : await repositories.manifest(name, digest);
    if (digest !== undefined) tagged.push({ tag, digest, pushedAt: link?.pushedAt ?? 0 });
  });
  tagged.sort((a, b) => b.pushedAt - a.pushedAt || byNumber.compare(b.tag, a.tag));
  return tagged.slice(from, from + count);
}

async function showTag(source: PageSource, name: string, tagged: Tagged, now: number): Promise<readonly (string | Html)[]> {
  const digest = tagged.digest ?? (await source.repositories.tag(name, tagged.tag));
  const link = html`<a href="${pathOf(name, tagged.tag)}"><strong>${tagged.tag}</strong></a>`;
  const manifest = digest === undefined ? undefined : await findManifest(source, name, digest);
  if (manifest === undefined) return [link, "", "", ""];
  return [link, showDigest(manifest.digest), await showSizes(source, name, manifest), showTime(manifest.pushedAt, now)];
}

async function showSizes(source: PageSource, name: string, manifest: ReadManifest): Promise<Html> {
  if (!isImageIndex(manifest)) {
    const config = await readConfig(source, name, manifest);
    return html`<ul class="plain">
      <li>${config === undefined ? "artifact" : platformName({ platform: config })} <span class="quiet">${showBytes(sizeOfImage(manifest))}</span></li>
    </ul>`;
  }
  const images = imagesOf(manifest);
  const rows = await Promise.all(
    images.slice(0, MAX_PLATFORMS).map(async (image) => {
      const found = await findManifest(source, name, image.digest);
      return html`<li>${platformName(image)} <span class="quiet">${found === undefined ? "not here" : showBytes(sizeOfImage(found))}</span></li>`;
    }),
  );
  const left = images.length - rows.length;
  return html`<ul class="plain">
    ${rows} ${left > 0 ? html`<li class="quiet">and ${left} more</li>` : NOTHING}
  </ul>`;
}

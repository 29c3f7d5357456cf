/** Two tags of a repository beside each other: sizes, layers in common, configuration. */
import type { Reply } from "../../../http/message.ts";
import type { ImageConfig } from "../../../store/oci.ts";
import { RegistryError } from "../../errors.ts";
import { countOf, showBytes, visibleText } from "./format.ts";
import { showInstruction, stepsOf } from "./history-part.ts";
import { html, type Html } from "./html.ts";
import { MAX_ROWS, pathOf, showDigest, showLeft, showPage, showTable, showTime } from "./layout.ts";
import { imagesOf, isImageIndex, platformName, readConfig, readManifest, sizeOfImage, type ReadManifest } from "./read-image.ts";
import { settingsOf } from "./settings.ts";
import type { PageSource, Visit } from "./source.ts";

interface Side {
  readonly reference: string;
  readonly manifest: ReadManifest;
  readonly config: ImageConfig;
}

export async function showComparison(source: PageSource, visit: Visit): Promise<Reply> {
  const { name, request, now } = visit;
  const [a, b] = ["a", "b"].map((side) => request.query.get(side) ?? "") as [string, string];
  const platform = request.query.get("platform") ?? undefined;
  const before = await readSide(source, name, a, platform);
  const after = await readSide(source, name, b, platform ?? platformName({ platform: before.config }));
  const body = html`${showNumbers(name, [before, after], now)} ${showLayers(before, after)} ${showSettings(before, after)}`;
  return showPage({ title: `${a} and ${b} of ${name}`, heading: `${a} and ${b}`, above: [[name, pathOf(name)]], body });
}

/** Of an index the image for `platform`, or its first. */
async function readSide(source: PageSource, name: string, reference: string, platform: string | undefined): Promise<Side> {
  const top = await readManifest(source, name, reference);
  const images = imagesOf(top);
  const chosen = images.find((image) => platformName(image) === platform) ?? images[0];
  const manifest = isImageIndex(top) && chosen !== undefined ? await readManifest(source, name, chosen.digest) : top;
  const config = await readConfig(source, name, manifest);
  if (config === undefined) throw new RegistryError("MANIFEST_UNKNOWN", `Cannot compare ${reference} of ${name}: it is no image, or it is not all here`);
  return { reference, manifest, config };
}

function showNumbers(name: string, sides: readonly [Side, Side], now: number): Html {
  const [before, after] = sides.map(({ manifest }) => sizeOfImage(manifest)) as [number, number];
  const growth = after - before;
  const rows = sides.map(({ reference, manifest, config }) => [
    html`<a href="${pathOf(name, reference)}">${reference}</a>`,
    showDigest(manifest.digest),
    platformName({ platform: config }),
    showBytes(sizeOfImage(manifest)),
    String(manifest.layers.length),
    showTime(manifest.pushedAt, now),
  ]);
  return html`${showTable("The two images", ["Tag", "Digest", "Platform", "Size", "Layers", "Pushed"], rows)}
    <p>${growth === 0 ? "They have the same size." : `The second is ${showBytes(Math.abs(growth))} ${growth > 0 ? "larger" : "smaller"} than the first.`}</p>`;
}

function showLayers(before: Side, after: Side): Html {
  const old = new Set(before.manifest.layers.map(({ digest }) => digest));
  const both = new Set(after.manifest.layers.flatMap(({ digest }) => (old.has(digest) ? [digest] : [])));
  const shared = after.manifest.layers.filter(({ digest }) => both.has(digest));
  let count = 0;
  const own = (side: Side): readonly (readonly (string | Html)[])[] => {
    const instructions = new Map(stepsOf(side.config, side.manifest.layers.length).map(({ layer, instruction }) => [layer, instruction]));
    const layers = side.manifest.layers.flatMap(({ digest, size }, index) => (both.has(digest) ? [] : [{ size, index }]));
    count += layers.length;
    return layers
      .slice(0, MAX_ROWS)
      .map(({ size, index }) => [side.reference, String(index + 1), showInstruction(instructions.get(index) ?? ""), showBytes(size)]);
  };
  const rows = [...own(before), ...own(after)].slice(0, MAX_ROWS);
  const sharedBytes = shared.reduce((sum, { size }) => sum + size, 0);
  return html`<section aria-labelledby="layers">
    <h2 id="layers">Layers</h2>
    <p>${countOf(shared.length, "layer")} in common, ${showBytes(sharedBytes)}.</p>
    ${rows.length === 0 ? html`<p>No layer differs.</p>` : showTable("Layers that only one has", ["Only in", "Layer", "Instruction", "Size"], rows)}
    ${showLeft(count)}
  </section>`;
}

function showSettings(before: Side, after: Side): Html {
  const [a, b] = [settingsOf(before.config), settingsOf(after.config)];
  const names = [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name));
  const show = (value: string | undefined): string | Html => (value === undefined ? html`<span class="quiet">not set</span>` : visibleText(value));
  const rows = names.slice(0, MAX_ROWS).map((name) => [visibleText(name), show(a.get(name)), show(b.get(name))]);
  return html`<section aria-labelledby="configuration">
    <h2 id="configuration">Configuration</h2>
    ${rows.length === 0 ? html`<p>It is the same.</p>` : showTable("Configuration that differs", ["Setting", before.reference, after.reference], rows)}
    ${showLeft(names.length)}
  </section>`;
}

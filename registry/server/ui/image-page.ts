/** One manifest: how to pull it, its platforms, layers with what made them, wasted bytes, configuration, and what is said of it. */
import type { Reply, Request } from "../../../http/message.ts";
import { isDigest } from "../../../store/digest.ts";
import type { ImageConfig } from "../../../store/oci.ts";
import { countOf, showBytes, visibleText } from "./format.ts";
import { showHistory, showWaste } from "./history-part.ts";
import { html, type Html } from "./html.ts";
import { MAX_ROWS, NOTHING, pathOf, showCommand, showDigest, showFacts, showLeft, showPage, showTable, showTime } from "./layout.ts";
import {
  areHere,
  canBePulled,
  findManifest,
  imagesOf,
  isImageIndex,
  platformName,
  readConfig,
  readManifest,
  sizeOfImage,
  type ReadManifest,
} from "./read-image.ts";
import { saidInIndex, saidOf, type Said } from "./said-of.ts";
import { settingsOf } from "./settings.ts";
import type { PageSource, Visit } from "./source.ts";
import { newestTags } from "./tags-page.ts";

const TITLE = "org.opencontainers.image.title";
/** Above this an image's layers are only read when somebody looks into one. */
const MAX_READ_BYTES = 512e6;
/** Reproducible builds say some early moment, which tells nothing. */
const FIRST_IMAGES = Date.UTC(2000, 0);
const MAX_PLATFORMS = 50;
const MAX_OTHER_TAGS = 50;

export async function showManifest(source: PageSource, visit: Visit): Promise<Reply> {
  const { name, reference } = visit;
  const manifest = await readManifest(source, name, reference);
  const config = await readConfig(source, name, manifest);
  const title = isDigest(reference) ? `${name}@${reference.slice(0, 19)}…` : `${name}:${reference}`;
  const again = { value: false };
  const content = isImageIndex(manifest)
    ? await showPlatforms(source, visit, manifest)
    : config === undefined
      ? showFiles(visit, manifest)
      : await showImage(source, visit, manifest, config, again);
  const body = html`${showHead(visit, manifest, config)}
    <section aria-labelledby="pull">
      <h2 id="pull">Pull</h2>
      ${commandsFor(visit, manifest).map(showCommand)}
    </section>
    ${content} ${await showSaid(source, visit, manifest)} ${await showOtherTags(source, visit)}`;
  return showPage({ title, above: [[name, pathOf(name)]], body, ...(again.value ? { again: 3 } : {}) });
}

function showHead({ name, now }: Visit, manifest: ReadManifest, config: ImageConfig | undefined): Html {
  const created = config?.created === undefined ? Number.NaN : Date.parse(config.created);
  const { subject, annotations } = manifest;
  const type = manifest.artifactType ?? (isImageIndex(manifest) ? "images of several platforms" : config === undefined ? "artifact" : undefined);
  return showFacts([
    ["Digest", html`<code class="whole">${manifest.digest}</code>`],
    ["Type", type],
    ["Platform", config === undefined ? undefined : platformName({ platform: config })],
    ["Size", isImageIndex(manifest) ? undefined : `${showBytes(sizeOfImage(manifest))}, ${countOf(manifest.layers.length, "layer")}`],
    ["Created", Number.isNaN(created) || created < FIRST_IMAGES ? undefined : showTime(created, now)],
    ["Pushed", showTime(manifest.pushedAt, now)],
    ["About", subject === undefined ? undefined : html`<a href="${pathOf(name, subject)}">${showDigest(subject)}</a>`],
    ["Description", annotations["org.opencontainers.image.description"]],
    ["Version", annotations["org.opencontainers.image.version"]],
    ["Revision", annotations["org.opencontainers.image.revision"]],
  ]);
}

/** Only an image, or an index of some, can be pulled as one; what is neither can be copied whole. */
function commandsFor({ request, name, reference }: Visit, manifest: ReadManifest): readonly string[] {
  const place = `${hostOf(request)}/${name}${isDigest(reference) ? "@" : ":"}${reference}`;
  const isFiles = manifest.config !== undefined && manifest.layers.some(({ annotations }) => annotations?.[TITLE] !== undefined);
  if (isFiles) return [`oras pull ${place}`];
  const isPlain = !request.secure && /^(?:localhost|127\.|\[::1\])/.test(place);
  if (!canBePulled(manifest)) return [`strata copy ${isImageIndex(manifest) ? "-a " : ""}docker://${place} oci:${name.split("/").at(-1) ?? ""}`];
  return [`docker pull ${place}`, `podman pull ${isPlain ? "--tls-verify=false " : ""}${place}`, `strata pull ${place}`];
}

/** As the browser calls us; what is no host name is not put into a command. */
function hostOf({ headers: { host = "" } }: Request): string {
  return /^(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::\d{1,5})?$/.test(host) ? host : "localhost";
}

async function showPlatforms(source: PageSource, { name }: Visit, manifest: ReadManifest): Promise<Html> {
  const images = imagesOf(manifest);
  const rows = await Promise.all(
    images.slice(0, MAX_PLATFORMS).map(async (image) => {
      const found = await findManifest(source, name, image.digest);
      const said = saidInIndex(manifest, image.digest).map((one) => html`<a href="${pathOf(name, one.digest)}">${one.kind.toLowerCase()}</a> `);
      const platform = platformName(image);
      return [
        found === undefined ? platform : html`<a href="${pathOf(name, image.digest)}">${platform}</a>`,
        showDigest(image.digest),
        found === undefined ? "not here" : showBytes(sizeOfImage(found)),
        found === undefined ? "" : String(found.layers.length),
        html`${said}`,
      ];
    }),
  );
  const left = images.length - rows.length;
  return html`<section aria-labelledby="platforms">
    <h2 id="platforms">Platforms</h2>
    ${showTable("Platforms", ["Platform", "Digest", "Size", "Layers", "Said of it"], rows)} ${left > 0 ? html`<p>and ${left} more</p>` : NOTHING}
  </section>`;
}

async function showImage(source: PageSource, visit: Visit, manifest: ReadManifest, config: ImageConfig, again: { value: boolean }): Promise<Html> {
  const { digest, layers } = manifest;
  const isRead = sizeOfImage(manifest) <= MAX_READ_BYTES && (await areHere(source, visit.name, layers));
  const state = isRead ? await source.listings.read(digest, layers) : source.listings.peek(digest);
  again.value = state === "reading" || state === "busy";
  const settings = [...settingsOf(config)];
  return html`${showHistory(visit, manifest, config, state)} ${showWaste(state, visit)}
    <section aria-labelledby="configuration">
      <h2 id="configuration">Configuration</h2>
      ${showFacts(settings.slice(0, MAX_ROWS).map(([key, value]) => [visibleText(key), value] as const))} ${showLeft(settings.length)}
    </section>`;
}

function showFiles({ name }: Visit, { digest, layers }: ReadManifest): Html {
  const rows = layers.slice(0, MAX_ROWS).map((layer) => {
    const title = visibleText(layer.annotations?.[TITLE] ?? layer.digest.slice(0, 19));
    const details = [visibleText(layer.mediaType), visibleText(layer.annotations?.["in-toto.io/predicate-type"] ?? "")]
      .filter((text) => text !== "")
      .join(", ");
    return [html`<a href="${pathOf(name, digest, "file", { digest: layer.digest })}" download>${title}</a>`, showBytes(layer.size), details];
  });
  if (rows.length === 0) return html`<p>It has no files.</p>`;
  return html`<section aria-labelledby="files">
    <h2 id="files">Files</h2>
    ${showTable("Files", ["Name", "Size", "Type"], rows)} ${showLeft(layers.length)}
  </section>`;
}

async function showSaid(source: PageSource, { name }: Visit, manifest: ReadManifest): Promise<Html> {
  const said = await saidOf(source, name, manifest);
  if (said.length === 0) return NOTHING;
  const row = ({ kind, detail, digest }: Said): readonly (string | Html)[] => [
    html`<a href="${pathOf(name, digest)}">${kind}</a>`,
    visibleText(detail),
    showDigest(digest),
  ];
  return html`<section aria-labelledby="said">
    <h2 id="said">Signatures and attestations</h2>
    ${showTable("Signatures and attestations", ["Kind", "What", "Digest"], said.map(row))}
  </section>`;
}

async function showOtherTags(source: PageSource, { name, reference }: Visit): Promise<Html> {
  const others = (await newestTags(source, name, MAX_OTHER_TAGS)).filter((tag) => tag !== reference);
  if (others.length === 0) return NOTHING;
  return html`<section aria-labelledby="others">
    <h2 id="others">Compare</h2>
    <form class="search" action="${pathOf(name, "", "compare")}" method="get">
      <input type="hidden" name="b" value="${reference}" />
      <label for="a">with</label>
      <select id="a" name="a">
        ${others.map((tag) => html`<option>${tag}</option>`)}
      </select>
      <button>Compare</button>
    </form>
  </section>`;
}

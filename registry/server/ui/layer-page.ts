/** What one layer adds, changes and hides, as a tree: small folders are folded in, large ones have a page of their own. */
import type { Reply } from "../../../http/message.ts";
import { isDigest } from "../../../store/digest.ts";
import { RegistryError } from "../../errors.ts";
import { countOf, shortDigest, showBytes } from "./format.ts";
import { listingOf, showCounts, showInstruction, showState, stepsOf } from "./history-part.ts";
import { html, type Html } from "./html.ts";
import { NOTHING, pathOf, showFacts, showPage } from "./layout.ts";
import { areHere, readConfig, readManifest, type ReadManifest } from "./read-image.ts";
import { readOffset, showMore } from "./repositories-page.ts";
import type { PageSource, Visit } from "./source.ts";
import { readRows, type LayerListing, type ListingRow } from "./stack-listing.ts";

/** Rows of the folder itself. */
const ROWS = 200;
/** Rows of all folders on a page together. */
const MAX_ROWS = 400;
/** A folder with more is a page of its own. */
const MAX_FOLDED = 60;
const MARKS = { added: ["+", "added"], changed: ["~", "changed"], removed: ["−", "hidden"] } as const;

export async function showLayer(source: PageSource, visit: Visit): Promise<Reply> {
  const { name, reference, request } = visit;
  const manifest = await readManifest(source, name, reference);
  const { digest, layers } = manifest;
  const index = Number(request.query.get("n")) - 1;
  const layer = layers[index];
  if (layer === undefined) throw new RegistryError("BLOB_UNKNOWN", `Cannot show this layer of ${name}: the image has ${layers.length}`);
  const config = await readConfig(source, name, manifest);
  if (config === undefined || !(await areHere(source, name, layers)))
    throw new RegistryError("BLOB_UNKNOWN", `Cannot show the files of ${name}: not all layers of this image are here, or they are too many`);
  const state = await source.listings.read(digest, layers);
  const listing = listingOf(state)?.layers[index];
  const step = stepsOf(config, layers.length).find((one) => one.layer === index);
  const body = html`${showInstruction(step?.instruction ?? "")}
  ${showFacts([
    ["Digest", html`<code class="whole">${layer.digest}</code>`],
    ["Size", `${showBytes(layer.size)} packed${listing === undefined ? "" : `, ${showBytes(listing.bytes)} of files`}`],
    ["Changes", listing === undefined ? undefined : showCounts(listing)],
    ["Hides", listing === undefined || listing.hides === 0 ? undefined : `${showBytes(listing.hides)} of the layers below`],
    ["Wasted", listing === undefined || listing.wasted === 0 ? undefined : `${showBytes(listing.wasted)} of this layer are hidden by later ones`],
  ])}
  ${showNeighbours(visit, manifest, index)} ${listing === undefined ? showState(state) : showTree(visit, manifest, index, listing)}`;
  const above = [
    [name, pathOf(name)],
    [isDigest(reference) ? `@${shortDigest(reference)}` : reference, pathOf(name, reference)],
  ] as const;
  return showPage({
    title: `Layer ${index + 1} of ${name}`,
    heading: `Layer ${index + 1} of ${layers.length}`,
    above,
    body,
    ...(typeof state === "string" ? { again: 3 } : {}),
  });
}

function showNeighbours({ name }: Visit, { digest, layers }: ReadManifest, index: number): Html {
  const link = (to: number, label: string, rel: string): Html =>
    to < 0 || to >= layers.length ? NOTHING : html`<a rel="${rel}" href="${pathOf(name, digest, "layer", { n: String(to + 1) })}">${label}</a>`;
  return html`<nav class="neighbours" aria-label="Layers">${link(index - 1, "← below", "prev")} ${link(index + 1, "above →", "next")}</nav>`;
}

function showTree(visit: Visit, manifest: ReadManifest, index: number, listing: LayerListing): Html {
  const { request, name } = visit;
  const path = request.query.get("path") ?? "";
  const from = readOffset(request.query);
  const rows = readRows(listing, path);
  if (rows === undefined && path !== "") throw new RegistryError("BLOB_UNKNOWN", `Cannot show ${JSON.stringify(path)}: this layer changes nothing there`);
  if (rows === undefined) return html`<p class="note">This layer changes no files.</p>`;
  const place = (folder: string): string => pathOf(name, manifest.digest, "layer", { n: String(index + 1), ...(folder === "" ? {} : { path: folder }) });
  const shown = rows.slice(from, from + ROWS);
  const budget = { rows: MAX_ROWS - shown.length };
  return html`<section aria-labelledby="tree">
    <h2 id="tree">Files</h2>
    <p class="trail">${showTrail(path, place)} <span class="quiet">${countOf(rows.length, "entry").replace("entrys", "entries")}</span></p>
    <p class="legend"><span class="added">+ added</span><span class="changed">~ changed</span><span class="hidden">− hidden from the layers below</span></p>
    <ul class="tree" data-tree>
      ${shown.map((row) => showRow(row, path, { listing, place, budget }))}
    </ul>
    ${showMore(pathOf(name, manifest.digest, "layer"), { n: String(index + 1), path }, from + ROWS, rows.length)}
  </section>`;
}

/** Each folder on the way as a link. */
function showTrail(path: string, place: (folder: string) => string): Html {
  const parts = path === "" ? [] : path.split("/");
  const links = parts.map((part, at) => {
    const here = at === parts.length - 1;
    const label = html`<bdi>${part}</bdi>`;
    return here ? html`${label}/` : html`<a href="${place(parts.slice(0, at + 1).join("/"))}">${label}</a>/`;
  });
  return html`<code class="path">${parts.length === 0 ? html`/` : html`<a href="${place("")}">/</a>`}${links}</code>`;
}

interface Tree {
  readonly listing: LayerListing;
  readonly place: (folder: string) => string;
  /** Rows that may yet be folded in. */
  readonly budget: { rows: number };
}

function showRow(row: ListingRow, folder: string, tree: Tree): Html {
  const path = folder === "" ? row.name : `${folder}/${row.name}`;
  if (!row.isOpen) return html`<li>${showEntry(row, html`<bdi>${row.name}</bdi>${row.type === "directory" ? "/" : ""}`)}</li>`;
  const link = html`<a href="${tree.place(path)}"><bdi>${row.name}</bdi>/</a>`;
  const rows = readRows(tree.listing, path) ?? [];
  if (rows.length > MAX_FOLDED || rows.length > tree.budget.rows) return html`<li>${showEntry(row, link)}</li>`;
  tree.budget.rows -= rows.length;
  return html`<li>
    <details>
      <summary>${showEntry(row, link)}</summary>
      <ul>
        ${rows.map((one) => showRow(one, path, tree))}
      </ul>
    </details>
  </li>`;
}

function showEntry(row: ListingRow, name: Html): Html {
  const { kind, bytes, hides, isOpen, type } = row;
  const [sign, word] = kind === undefined ? ["", ""] : MARKS[kind];
  const mark =
    kind === undefined ? html`<span class="mark"></span>` : html`<span class="mark ${word}" title="${word}">${sign}<span class="unseen">${word} </span></span>`;
  const size =
    bytes > 0 ? showBytes(bytes) : hides > 0 ? `${showBytes(hides)} hidden` : type === "file" || type === "directory" || kind === "removed" ? "" : type;
  const counts = isOpen || row.hidden > 1 ? showCounts(row) : NOTHING;
  return html`<span class="entry">${mark}<code class="path">${name}</code> ${counts} <span class="quiet size">${size}</span></span>`;
}

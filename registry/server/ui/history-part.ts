/** How an image came to be: each step of its history, with the layer that it made and what that changes. And what the layers waste. */
import type { Descriptor, ImageConfig } from "../../../store/oci.ts";
import { countOf, showBytes, visibleText } from "./format.ts";
import { html, type Html } from "./html.ts";
import { NOTHING, pathOf, showTable } from "./layout.ts";
import type { ListingState } from "./listings.ts";
import type { ReadManifest } from "./read-image.ts";
import type { Visit } from "./source.ts";
import type { Counts, StackListing } from "./stack-listing.ts";

/** Characters of an instruction that are shown at once. */
const SHORT = 160;
const MAX_STEPS = 300;

export interface Step {
  /** As it was written. */
  readonly instruction: string;
  /** From 0. */
  readonly layer: number | undefined;
}

/** History and layers side by side; layers that it does not tell of come last. Spec: image-spec v1.1, config.md, "history". */
export function stepsOf({ history }: Pick<ImageConfig, "history">, layers: number): readonly Step[] {
  let next = 0;
  const told = (history ?? []).map(({ created_by: by, empty_layer: isEmpty }): Step => {
    const instruction = typeof by === "string" ? by : "";
    return { instruction, layer: isEmpty === true || next >= layers ? undefined : next++ };
  });
  const untold = Array.from({ length: layers - next }, (_, index): Step => ({ instruction: "", layer: next + index }));
  return [...told, ...untold];
}

/** Without what builders put around it. */
function readable(text: string): string {
  const instruction = text
    .replace(/^\/bin\/sh -c #\(nop\)\s+/, "")
    .replace(/\s+# buildkit$/, "")
    .replace(/^(?:\|\d+ .*? )?\/bin\/sh -c /s, "RUN ")
    .replace(/^RUN (?:\|\d+ .*? )?\/bin\/sh -c /s, "RUN ");
  return visibleText(instruction.trim());
}

export function showHistory(visit: Visit, { digest, layers }: ReadManifest, config: ImageConfig, state: ListingState | undefined): Html {
  const listing = listingOf(state);
  const steps = stepsOf(config, layers.length);
  const rows = steps.slice(0, MAX_STEPS).map(({ instruction, layer }) => {
    if (layer === undefined) return ["", showInstruction(instruction), html`<span class="quiet">no files</span>`, ""];
    const own = listing?.layers[layer];
    const href = pathOf(visit.name, digest, "layer", { n: String(layer + 1) });
    const counts = own === undefined ? "look into it" : showCounts(own);
    return [
      String(layer + 1),
      showInstruction(instruction),
      sizeOf(layers[layer]),
      html`<a href="${href}" aria-label="Files of layer ${layer + 1}">${counts}</a>`,
    ];
  });
  const left = steps.length - rows.length;
  return html`<section aria-labelledby="layers">
    <h2 id="layers">Layers</h2>
    ${showTable("Layers, the lowest first", ["Layer", "Instruction", "Size", "Files"], rows)} ${left > 0 ? html`<p>and ${left} more steps</p>` : NOTHING}
  </section>`;
}

export function listingOf(state: ListingState | undefined): StackListing | undefined {
  return typeof state === "object" && "listing" in state ? state.listing : undefined;
}

export function showInstruction(instruction: string): Html {
  const text = readable(instruction);
  if (text === "") return html`<span class="quiet">not told</span>`;
  if (text.length <= SHORT) return html`<code class="instruction">${text}</code>`;
  return html`<details class="instruction">
    <summary><code>${text.slice(0, SHORT)}…</code></summary>
    <pre><code>${text}</code></pre>
  </details>`;
}

function sizeOf(layer: Descriptor | undefined): string {
  return showBytes(layer?.size ?? 0);
}

/** `+12 ~3 −1`, said in words to who does not see it. */
export function showCounts({ added, changed, hidden }: Counts): Html {
  const parts: readonly (readonly [count: number, sign: string, kind: string])[] = [
    [added, "+", "added"],
    [changed, "~", "changed"],
    [hidden, "−", "hidden"],
  ];
  const shown = parts.filter(([count]) => count > 0);
  if (shown.length === 0) return html`<span class="counts quiet">no change</span>`;
  return html`<span class="counts"
    >${shown.map(([count, sign, kind]) => html`<span class="${kind}" title="${kind}">${sign}${count}<span class="unseen"> ${kind}</span></span> `)}</span
  >`;
}

export function showWaste(state: ListingState | undefined, { name, reference }: Visit): Html {
  const listing = listingOf(state);
  if (listing === undefined) return showState(state);
  const { bytes, wasted, waste } = listing;
  const share = bytes === 0 ? 0 : Math.round((wasted / bytes) * 100);
  const rows = waste.map((file) => [
    html`<code class="path"><bdi>/${file.path}</bdi></code>`,
    showBytes(file.bytes),
    String(file.layer + 1),
    html`<a href="${pathOf(name, reference, "layer", { n: String(file.hiddenBy + 1) })}">layer ${file.hiddenBy + 1}</a>`,
  ]);
  const list = html`<details>
    <summary>${rows.length === 1 ? "The file" : `The ${countOf(rows.length, "largest file").replace("1 ", "")}`} that nobody can reach</summary>
    ${showTable("Wasted files", ["Path", "Size", "In layer", "Hidden by"], rows)}
  </details>`;
  return html`<section aria-labelledby="waste">
    <h2 id="waste">Wasted bytes</h2>
    <p><strong>${showBytes(wasted)}</strong> of ${showBytes(bytes)} unpacked (${share} %) are in files that a later layer removes or replaces.</p>
    ${rows.length === 0 ? NOTHING : list}
  </section>`;
}

/** Why there are no files to show. */
export function showState(state: ListingState | undefined): Html {
  if (state === "reading") return html`<p class="note" role="status">The layers are being read. This page comes again by itself.</p>`;
  if (state === "busy") return html`<p class="note" role="status">Layers of other images are being read. This page comes again by itself.</p>`;
  if (typeof state === "object" && "problem" in state) return html`<p class="note">${visibleText(state.problem)}</p>`;
  return NOTHING;
}

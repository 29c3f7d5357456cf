/** Pages to browse the registry: repositories, tags, an image's layers, an artifact's files. Plain HTML, no script. */
import { mediaTypeOf } from "../../http/media-type.ts";
import type { Reply, Request } from "../../http/message.ts";
import { text } from "../../http/reply.ts";
import type { Route } from "../../http/router.ts";
import { isDigest, type Digest } from "../../store/digest.ts";
import type { Descriptor, HistoryEntry } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import { admit, type Access } from "./access.ts";
import { html, type Html } from "./html.ts";
import type { Parts } from "./parts.ts";

const TITLE = "org.opencontainers.image.title";
const MAX_CONFIG_BYTES = 1 << 20;
/** Nothing from elsewhere, nothing that runs. */
const POLICY = "default-src 'none'; style-src 'self'; sandbox";
const STYLE =
  "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}td,th{text-align:left;padding:.2rem 1rem .2rem 0}code{word-break:break-all}";

export function pageRoutes(parts: Parts, access: Access): readonly Route[] {
  const page = (pattern: string, show: (request: Request, name: string) => Promise<Reply> | Reply): Route => ({
    method: "GET",
    pattern,
    handler: async (request) => {
      const name = request.query.get("name") ?? "";
      await admit(access, request, name === "" ? { kind: "catalog" } : { kind: "repository", name, action: "pull" });
      return await show(request, name);
    },
  });
  return [
    page("/", () => showRepositories(parts)),
    page("/repository", (_, name) => showTags(parts, name)),
    page("/image", async ({ query }, name) => await showImage(parts, name, query.get("reference") ?? "")),
    page("/file", async ({ query }, name) => await sendFile(parts, name, query)),
    { method: "GET", pattern: "/style.css", handler: async () => text(200, STYLE, { "content-type": await mediaTypeOf("style.css") }) },
  ];
}

async function showRepositories({ repositories }: Parts): Promise<Reply> {
  const names = await repositories.names();
  return document(
    "Repositories",
    html`<ul>
      ${names.map((name) => html`<li>${link("repository", { name }, name)}</li>`)}
    </ul>`,
  );
}

async function showTags({ repositories }: Parts, name: string): Promise<Reply> {
  if (!(await repositories.exists(name))) throw new RegistryError("NAME_UNKNOWN", `Cannot show ${name}: no such repository`);
  const tags = await Promise.all((await repositories.tags(name)).map(async (tag) => [tag, await repositories.tag(name, tag)] as const));
  const rows = tags.map(
    ([tag, digest]) =>
      html`<tr>
        <td>${link("image", { name, reference: tag }, tag)}</td>
        <td><code>${digest ?? ""}</code></td>
      </tr>`,
  );
  return document(
    name,
    html`<table>
      <tr>
        <th>Tag</th>
        <th>Digest</th>
      </tr>
      ${rows}
    </table>`,
  );
}

interface Document {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

async function showImage(parts: Parts, name: string, reference: string): Promise<Reply> {
  const { digest, document: found } = await readManifest(parts, name, reference);
  const { layers = [], manifests = [], config } = found;
  const steps = config === undefined ? [] : await readSteps(parts, name, config);
  const images = manifests.map(
    (one) => html`<li>${link("image", { name, reference: one.digest }, `${one.platform?.os ?? "?"}/${one.platform?.architecture ?? "?"}`)}</li>`,
  );
  const rows = layers.map((layer, index) => {
    const title = layer.annotations?.[TITLE];
    const what = title === undefined ? html`${steps[index] ?? ""}` : link("file", { name, reference: digest, title }, title);
    return html`<tr>
      <td><code>${layer.digest.slice(0, 19)}</code></td>
      <td>${layer.size}</td>
      <td>${what}</td>
    </tr>`;
  });
  return document(
    `${name} ${reference}`,
    html`<p><code>${digest}</code></p>
      <ul>
        ${images}
      </ul>
      <table>
        <tr>
          <th>Layer</th>
          <th>Bytes</th>
          <th>Made by</th>
        </tr>
        ${rows}
      </table>`,
  );
}

/** A file of an artifact, by the title that its layer has. */
async function sendFile(parts: Parts, name: string, query: URLSearchParams): Promise<Reply> {
  const title = query.get("title") ?? "";
  const { document: found } = await readManifest(parts, name, query.get("reference") ?? "");
  const layer = found.layers?.find(({ annotations }) => annotations?.[TITLE] === title);
  const stored = layer === undefined ? undefined : await parts.repositories.blob(name, layer.digest);
  if (layer === undefined || stored === undefined) throw new RegistryError("BLOB_UNKNOWN", `Cannot find ${title} in ${name}`);
  const headers = {
    "content-type": await mediaTypeOf(title),
    "content-length": stored.size,
    "content-disposition": "attachment",
    "content-security-policy": POLICY,
  };
  return { status: 200, headers, body: parts.blobs.open(layer.digest) };
}

async function readManifest(
  { repositories, manifests }: Parts,
  name: string,
  reference: string,
): Promise<{ readonly digest: Digest; readonly document: Document }> {
  const digest = isDigest(reference) ? reference : await repositories.tag(name, reference);
  if (digest === undefined || (await repositories.manifest(name, digest)) === undefined)
    throw new RegistryError("MANIFEST_UNKNOWN", `Cannot find ${reference} in ${name}`);
  return { digest, document: JSON.parse(Buffer.from(await manifests.read(digest)).toString("utf8")) as Document };
}

/** What made each layer, as the config's history tells. */
async function readSteps({ repositories, blobs }: Parts, name: string, { digest, size }: Descriptor): Promise<readonly string[]> {
  if (size > MAX_CONFIG_BYTES || (await repositories.blob(name, digest)) === undefined) return [];
  const { history = [] } = JSON.parse(Buffer.from(await blobs.read(digest, MAX_CONFIG_BYTES)).toString("utf8")) as {
    readonly history?: readonly HistoryEntry[];
  };
  return history.filter((entry) => entry.empty_layer !== true).map((entry) => entry.created_by ?? "");
}

function link(page: string, query: Readonly<Record<string, string>>, label: string): Html {
  return html`<a href="/${page}?${new URLSearchParams(query).toString()}">${label}</a>`;
}

function document(title: string, body: Html): Reply {
  const page = html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <title>${title}</title>
      <link rel="stylesheet" href="/style.css" />
      <h1>${title}</h1>
      <p><a href="/">Repositories</a></p>
      ${body}
    </html>`;
  return text(200, page.html, { "content-type": "text/html; charset=utf-8", "content-security-policy": POLICY });
}

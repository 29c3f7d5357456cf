/**
 * The registry's own pages: `/ui/`, `/ui/NAME`, `/ui/NAME:TAG`, `/ui/NAME@DIGEST`, and below them `/-/layer`, `/-/file`, `/-/compare`
 * (no name has a part `-`). They only read, and show what the visitor may pull.
 */
import { formatChallenge } from "../../../http/challenge.ts";
import type { Reply, Request } from "../../../http/message.ts";
import { empty, text } from "../../../http/reply.ts";
import type { Route } from "../../../http/router.ts";
import { isDigest } from "../../../store/digest.ts";
import { RegistryError } from "../../errors.ts";
import { isRepositoryName, isTag } from "../../name.ts";
import { admit, type Access, type Grant, type Permission } from "../access.ts";
import { refuse } from "../refuse.ts";
import { showComparison } from "./compare-page.ts";
import { visibleText } from "./format.ts";
import { sendFile } from "./file-reply.ts";
import { html } from "./html.ts";
import { showManifest } from "./image-page.ts";
import { showLayer } from "./layer-page.ts";
import { ASSETS, showPage } from "./layout.ts";
import { listLayers } from "./list-layers.ts";
import { openListings } from "./listings.ts";
import { showRepositories } from "./repositories-page.ts";
import { SCRIPT } from "./script.ts";
import type { PageSource, Visit } from "./source.ts";
import { ICON, STYLE } from "./style.ts";
import { showTags } from "./tags-page.ts";

export interface Pages extends AsyncDisposable {
  readonly routes: readonly Route[];
}

type Show = (source: PageSource, visit: Visit) => Promise<Reply>;

/** Browsers send a password to where it was asked for and below: to all pages, then. */
const LOGIN = "/login";
const VIEWS: Readonly<Record<string, Show>> = { layer: showLayer, file: sendFile, compare: showComparison };

/** `report` hears of bugs. */
export function openPages(parts: Omit<PageSource, "listings">, access: Access, report: (bug: unknown) => void): Pages {
  const listings = openListings({ list: async (layers, signal) => await listLayers(parts.blobs, layers, signal), report });
  const { blobs, repositories, manifests } = parts;
  const source: PageSource = { blobs, repositories, manifests, listings };
  const page = (pattern: string, show: (request: Request) => Promise<Reply>): Route => ({
    method: "GET",
    pattern,
    handler: async (request) => {
      try {
        return await show(request);
      } catch (error) {
        return showRefusal(error, access, request, report);
      }
    },
  });
  const overview = async (request: Request): Promise<Reply> => {
    const grant = await admitReader(access, request, { kind: "catalog" });
    const login = grant.user === undefined && isClosed(access, request) ? LOGIN : undefined;
    return await showRepositories(source, request.query, { login, mayRead: (name) => mayRead(grant, { kind: "repository", name, action: "pull" }) });
  };
  const repository = async (request: Request): Promise<Reply> => {
    const visit = await admitVisit(access, request);
    const view = request.params["view"];
    const show = view === undefined ? (visit.reference === "" ? showTags : showManifest) : Object.hasOwn(VIEWS, view) ? VIEWS[view] : undefined;
    if (show === undefined) throw new RegistryError("NAME_UNKNOWN", "Cannot show this page: there is none of this name");
    return await show(source, visit);
  };
  return {
    routes: [
      ...["/", "/ui", "/ui/"].map((path) => page(path, overview)),
      page(LOGIN, async (request) => {
        await admit(access, request, { kind: "registry" });
        return empty(303, { location: "/ui/", "cache-control": "no-store" });
      }),
      asset("style.css", "text/css; charset=utf-8", STYLE),
      asset("page.js", "text/javascript; charset=utf-8", SCRIPT),
      asset("icon.svg", "image/svg+xml", ICON),
      page("/ui/:place+/-/:view", repository),
      page("/ui/:place+", repository),
    ],
    [Symbol.asyncDispose]: async () => await listings[Symbol.asyncDispose](),
  };
}

function asset(name: string, type: string, content: string): Route {
  const headers = { "content-type": type, "cache-control": "public, max-age=300", "content-security-policy": "default-src 'none'" };
  return { method: "GET", pattern: `${ASSETS}/${name}`, handler: () => text(200, content, headers) };
}

/** Admitted before anything is looked up: whether a repository is there is told only to whom may read it. */
async function admitVisit(access: Access, request: Request): Promise<Visit> {
  const [, name = "", separator = "", reference = ""] = /^([^:@]*)(?:([:@])(.*))?$/s.exec(request.params["place"] ?? "") ?? [];
  const isRight = separator === "" || (separator === "@" ? isDigest(reference) : isTag(reference));
  if (!isRepositoryName(name) || !isRight) throw new RegistryError("NAME_UNKNOWN", "Cannot show this page: that is no name of a repository, tag or digest");
  await admitReader(access, request, { kind: "repository", name, action: "pull" });
  return { request, name, reference, now: Date.now() };
}

/** A browser has no token: who is nobody is let in as far as nobody may come. */
async function admitReader(access: Access, request: Request, permission: Permission): Promise<Grant> {
  if (request.headers.authorization !== undefined) return await admit(access, request, permission);
  const grant = await access.authenticate(request);
  return mayRead(grant, permission) ? grant : await admit(access, request, permission);
}

function mayRead(grant: Grant, permission: Permission): boolean {
  return grant.allows(permission) || (grant.user === undefined && grant.allowsNobody?.(permission) === true);
}

/** The same status as the API gives, as a page. A browser asks for a password, which is as good as a token. */
function showRefusal(error: unknown, access: Access, request: Request, report: (bug: unknown) => void): Reply {
  const { status, body } = refuse(error, report);
  const { errors } = JSON.parse(Buffer.from(body as Uint8Array).toString()) as { readonly errors: readonly { readonly message: string }[] };
  const shown = showPage({ title: TITLES[status] ?? "That did not work", body: html`<p class="note">${visibleText(errors[0]?.message ?? "")}</p>` }, status);
  if (status !== 401 || !isClosed(access, request)) return shown;
  const challenge = formatChallenge({ scheme: "basic", parameters: { realm: "strata registry", charset: "UTF-8" } });
  return { ...shown, headers: { ...shown.headers, "www-authenticate": challenge } };
}

function isClosed(access: Access, request: Request): boolean {
  return access.challenge(request, { kind: "registry" }) !== undefined;
}

const TITLES: Readonly<Record<number, string>> = { 401: "Please log in", 403: "Not for you", 404: "Not found", 500: "Something went wrong" };

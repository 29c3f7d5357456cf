/** GET over http and https: redirects followed within bounds, servers that say nothing given up, credentials kept to the host they are for. */
import { rootCertificates } from "node:tls";
import { Agent, EnvHttpProxyAgent, request, type Dispatcher } from "undici";
import { BuilderError } from "../errors.ts";
import { redact } from "../redact.ts";
import { httpAuthorization } from "./auth.ts";
import type { RemoteScope } from "./scope.ts";

const MAX_REDIRECTS = 10;
/** Milliseconds without a byte. */
export const SILENCE_MS = 60_000;
const REDIRECTS = [301, 302, 303, 307, 308];

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Dispatcher.ResponseData["body"];
  /** After the redirects. */
  readonly url: string;
}

export interface HttpOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly scope: Pick<RemoteScope, "secrets" | "authorities" | "signal">;
  readonly silenceMs: number;
}

/** The caller reads the body or destroys it. @throws {BuilderError} `DOWNLOAD_FAILED` */
export async function get(start: string, options: HttpOptions): Promise<HttpAnswer> {
  let url = start;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const answer = await ask(url, options);
    const { location } = answer.headers;
    if (!REDIRECTS.includes(answer.status) || location === undefined) return answer;
    answer.body.on("error", () => undefined).destroy(); // what a redirect says besides its target may have no end
    url = target(start, location, url);
  }
  throw new BuilderError("DOWNLOAD_FAILED", `Cannot download ${redact(start)}: more than ${MAX_REDIRECTS} redirects`);
}

/** @throws {BuilderError} `DOWNLOAD_FAILED` for a protocol other than http and https */
function target(start: string, location: string, base: string): string {
  if (!URL.canParse(location, base))
    throw new BuilderError("DOWNLOAD_FAILED", `Cannot download ${redact(start)}: it redirects to ${JSON.stringify(location)}, which is no URL`);
  const to = new URL(location, base);
  if (to.protocol === "http:" || to.protocol === "https:") return to.href;
  throw new BuilderError("DOWNLOAD_FAILED", `Cannot download ${redact(start)}: it redirects to ${to.protocol}//, only http and https are followed`);
}

/** Secrets are looked up anew for each host, so a redirect takes none along. */
async function ask(text: string, { headers, scope, silenceMs }: HttpOptions): Promise<HttpAnswer> {
  const url = new URL(text);
  const own =
    url.username === "" ? undefined : `Basic ${Buffer.from(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`).toString("base64")}`;
  const authorization = httpAuthorization(scope.secrets, url.hostname) ?? own;
  url.username = url.password = url.hash = "";
  const answer = await request(url, {
    headers: { "user-agent": "strata", "accept-encoding": "identity", ...headers, ...(authorization === undefined ? {} : { authorization }) },
    headersTimeout: silenceMs,
    bodyTimeout: silenceMs,
    ...dispatcher(await scope.authorities()),
    ...(scope.signal === undefined ? {} : { signal: scope.signal }),
  });
  return { status: answer.statusCode, headers: flat(answer.headers), body: answer.body, url: text };
}

function dispatcher(authorities: readonly string[]): { readonly dispatcher?: Dispatcher } {
  const isProxied = ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"].some((name) => (process.env[name] ?? "") !== "");
  const tls = authorities.length === 0 ? {} : { ca: [...rootCertificates, ...authorities] };
  if (isProxied) return { dispatcher: new EnvHttpProxyAgent({ connect: tls, requestTls: tls }) };
  return authorities.length === 0 ? {} : { dispatcher: new Agent({ connect: tls }) };
}

function flat(headers: Readonly<Record<string, string | string[] | undefined>>): HttpAnswer["headers"] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]));
}

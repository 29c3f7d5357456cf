/** strata registry serve: this machine's store as a registry, until SIGINT or SIGTERM. */
import { Command, Option } from "commander";
import type { LogFormat } from "../../http/access-log.ts";
import { parseNetwork, PROXY_HEADERS, type Network, type ProxyHeader } from "../../http/peers.ts";
import { parseRate, type Rate } from "../../http/rate-limit.ts";
import { parseSize } from "../../registry/server/parse-size.ts";
import { cannotListen } from "../cannot-listen.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { openStorage, STORAGE_FLAG } from "./open-storage.ts";
import { readSeconds, readWait, WEEK_SECONDS } from "./seconds.ts";

interface Flags {
  readonly listen: string;
  readonly storage?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly htpasswd?: string;
  readonly policy?: string;
  readonly tokenRealm?: string;
  readonly mirror?: string;
  readonly mirrorInsecure?: boolean;
  readonly notify?: readonly string[];
  readonly auditLog?: string;
  readonly shutdownTimeout: number;
  readonly anonymous?: boolean;
  readonly servedName?: readonly string[];
  readonly readOnly?: boolean;
  readonly delete: boolean;
  readonly rateLimit?: Rate;
  readonly trustedProxy?: readonly Network[];
  readonly proxyHeader: ProxyHeader;
  readonly maxBlobSize?: number;
  readonly uploadTimeout: number;
  readonly clientTimeout: number;
  readonly logFormat: LogFormat;
}

export function serveCommand(context: Context): Command {
  return new Command("serve")
    .description("Serve the store as an OCI registry")
    .option("--listen <address>", "address and port; port 0 picks a free one", "127.0.0.1:5000")
    .option(...STORAGE_FLAG)
    .option("--tls-cert <file>", "serve over TLS with this certificate (PEM); read again when it changes")
    .option("--tls-key <file>", "key of the certificate (PEM)")
    .option("--htpasswd <file>", "let in only the users of this file (bcrypt); read again when it changes")
    .option("--policy <file>", "who may pull, push and delete what (YAML); clients get tokens; read again when it changes")
    .option("--token-realm <url>", "where clients get tokens, behind a proxy")
    .option("--anonymous", "let everybody in where other machines reach it")
    .option("--served-name <name>", "without logins it answers only to names of this machine: and to this one; may be repeated", readName)
    .option("--mirror <host>", "read through another registry: what is asked for is fetched from it and kept")
    .option("--mirror-insecure", "reach the other registry over plain HTTP or with a certificate that nobody vouches for")
    .option("--notify <url>", "web hook to tell of pushes, pulls, mounts and deletes; may be repeated", readUrl)
    .option("--audit-log <file>", "append a line of JSON for every delete, also a refused one")
    .option("--shutdown-timeout <seconds>", "how long transfers under way may go on at the end", readSeconds, 30)
    .option("--read-only", "refuse pushes and deletes")
    .option("--no-delete", "refuse deletes")
    .option("--rate-limit <rate>", "requests that one address may make, as 100/s or 6000/m; more are told when to come back", readRate)
    .option("--trusted-proxy <network>", "believe this proxy, or these as 10.0.0.0/8, who asks; may be repeated", readProxy)
    .addOption(new Option("--proxy-header <name>", "where trusted proxies say who asks").choices(PROXY_HEADERS).default("x-forwarded-for"))
    .option("--max-blob-size <size>", "largest blob that may be uploaded, as 10GB; one that is in the store already may be mounted, however large", readSize)
    .option("--upload-timeout <seconds>", "forget uploads that nobody goes on with", readWait, WEEK_SECONDS)
    .option("--client-timeout <seconds>", "cut off clients that neither send nor take anything for so long, or next to nothing", readWait, 120)
    .addOption(new Option("--log-format <format>", "access log").choices(["text", "json", "none"]).default("text"))
    .action(async (flags: Flags) => await run(context, flags));
}

async function run(context: Context, flags: Flags): Promise<void> {
  const { listenRegistry } = await import("../../registry/server/listen.ts");
  const { host, port } = parseListen(flags.listen);
  const tls = tlsFiles(flags);
  await using opened = await openStorage(context, flags.storage);
  const listener = await listenRegistry({
    storage: opened.storage,
    host,
    port,
    logFormat: flags.logFormat,
    log: gathering((lines) => context.stderr.write(lines)),
    readOnly: flags.readOnly === true,
    deletes: flags.delete,
    uploadTimeoutMs: flags.uploadTimeout * 1000,
    clientTimeoutMs: flags.clientTimeout * 1000,
    ...(flags.rateLimit === undefined ? {} : { rateLimit: flags.rateLimit }),
    ...(flags.trustedProxy === undefined ? {} : { trustedProxies: { networks: flags.trustedProxy, header: flags.proxyHeader } }),
    ...(flags.maxBlobSize === undefined ? {} : { maxBlobBytes: flags.maxBlobSize }),
    allowAnonymous: flags.anonymous === true,
    ...(flags.servedName === undefined ? {} : { servedNames: flags.servedName }),
    ...(flags.htpasswd === undefined ? {} : { htpasswd: flags.htpasswd }),
    ...(flags.mirror === undefined ? {} : { mirror: { host: flags.mirror, insecure: flags.mirrorInsecure === true, env: context.env } }),
    ...(flags.notify === undefined ? {} : { notify: flags.notify }),
    ...(flags.auditLog === undefined ? {} : { auditLog: flags.auditLog }),
    ...(flags.policy === undefined ? {} : { policy: flags.policy }),
    ...(flags.tokenRealm === undefined ? {} : { tokenRealm: flags.tokenRealm }),
    ...(tls === undefined ? {} : { tls }),
  }).catch((error: unknown) => {
    throw cannotListen(error, flags.listen) ?? error;
  });
  context.stdout.write(`listening on ${host.includes(":") ? `[${host}]` : host}:${listener.port}\n`);
  await stopped(context.signal);
  await listener.close(flags.shutdownTimeout * 1000);
}

/** What is logged in one turn of the event loop goes out in one write. */
function gathering(write: (lines: string) => void): (line: string) => void {
  let lines = "";
  const flush = (): void => {
    write(lines);
    lines = "";
  };
  return (line) => {
    if (lines === "") setImmediate(flush);
    lines += line;
  };
}

/** `host:port`, `[::1]:port`, `:port`. */
function parseListen(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]*)):(\d{1,9})$/i.exec(text);
  const port = Number(match?.[3]);
  if (match === null) throw new UsageError(`Cannot listen on ${JSON.stringify(text)}: give ADDRESS:PORT`);
  if (port > 65_535) throw new UsageError(`Cannot listen on ${JSON.stringify(text)}: port ${port} is above 65535, the last one`);
  return { host: match[1] ?? (match[2] === "" || match[2] === undefined ? "0.0.0.0" : match[2]), port };
}

function tlsFiles({ tlsCert, tlsKey }: Flags): { readonly certificate: string; readonly key: string } | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) throw new UsageError("Cannot serve over TLS: --tls-cert and --tls-key belong together");
  return { certificate: tlsCert, key: tlsKey };
}

function readRate(text: string): Rate {
  const rate = parseRate(text);
  if (rate !== undefined) return rate;
  throw new UsageError(`Cannot limit requests to ${JSON.stringify(text)}: give a number and s, m or h, as 100/s`);
}

function readProxy(text: string, before: readonly Network[] = []): readonly Network[] {
  const network = parseNetwork(text);
  if (network !== undefined) return [...before, network];
  throw new UsageError(`Cannot trust ${JSON.stringify(text)}: give an address, or a network as 10.0.0.0/8`);
}

function readName(text: string, before: readonly string[] = []): readonly string[] {
  if (/^[\w-]+(?:\.[\w-]+)*\.?$/.test(text)) return [...before, text];
  throw new UsageError(`Cannot answer to ${JSON.stringify(text)}: give the name of a host, without a port`);
}

function readSize(text: string): number {
  const size = parseSize(text);
  if (size !== undefined && size > 0) return size;
  throw new UsageError(`Cannot limit blobs to ${JSON.stringify(text)}: give a size, as 10GB`);
}

function readUrl(text: string, before: readonly string[] = []): readonly string[] {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return [...before, text];
  throw new UsageError(`Cannot notify ${JSON.stringify(text)}: give an http or https URL`);
}

async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

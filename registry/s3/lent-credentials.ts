/**
 * Keys that a machine or a container is lent, for hours: asked of a service beside it, and asked again before they end.
 * The names of the variables, the addresses and the order are those of the S3 tools themselves; instances are asked by IMDSv2 only.
 */
import { readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { request } from "undici";
import { RegistryError } from "../errors.ts";
import type { S3Credentials } from "./credentials.ts";

export interface LentCredentials extends S3Credentials {
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
}

const CONTAINER_SERVICE = "http://169.254.170.2";
const INSTANCE_SERVICE = "http://169.254.169.254";
/** Hosts that keys may be asked of without TLS: this machine, and those that containers are given. */
const PLAIN_HOSTS: ReadonlySet<string> = new Set(["localhost", "[::1]", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]);
const ANSWER_MS = 5_000;
/** Nothing answers there on a machine that is no instance: nobody wants to wait for that. */
const INSTANCE_MS = 1_000;
const TOKEN_SECONDS = "21600";

/** Undefined where nothing lends any. @throws {RegistryError} `CREDENTIALS_UNAVAILABLE` when what should does not */
export async function borrowCredentials(env: NodeJS.ProcessEnv): Promise<LentCredentials | undefined> {
  const url = containerUrl(env);
  if (url !== undefined) return readLent(await ask(url, { headers: await containerToken(env) }), url);
  if (env["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true") return undefined;
  return await fromInstance(env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? INSTANCE_SERVICE);
}

function containerUrl(env: NodeJS.ProcessEnv): string | undefined {
  const { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative, AWS_CONTAINER_CREDENTIALS_FULL_URI: full } = env;
  if (relative !== undefined) return CONTAINER_SERVICE + relative;
  if (full === undefined) return undefined;
  const { protocol, hostname } = URL.canParse(full) ? new URL(full) : { protocol: "", hostname: "" };
  if (protocol === "https:" || (protocol === "http:" && (PLAIN_HOSTS.has(hostname) || (isIP(hostname) === 4 && hostname.startsWith("127."))))) return full;
  throw unavailable(full, "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http on this machine");
}

/** The file is read each time: it changes. */
async function containerToken(env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = env;
  const found = file === undefined ? token : (await readFile(file, "utf8").catch((error: Error) => Promise.reject(unavailable(file, error.message)))).trim();
  return found === undefined ? {} : { authorization: found };
}

async function fromInstance(base: string): Promise<LentCredentials | undefined> {
  const headers = { "x-aws-ec2-metadata-token-ttl-seconds": TOKEN_SECONDS };
  const token = await ask(`${base}/latest/api/token`, { method: "PUT", headers, withinMs: INSTANCE_MS }).catch(() => undefined);
  if (token === undefined) return undefined; // this is no instance
  const asked = { headers: { "x-aws-ec2-metadata-token": token.trim() } };
  const roles = `${base}/latest/meta-data/iam/security-credentials/`;
  const role = (await ask(roles, asked)).split("\n")[0]?.trim() ?? "";
  return readLent(await ask(roles + encodeURIComponent(role), asked), roles + role);
}

interface Asked {
  readonly method?: "GET" | "PUT";
  readonly headers: Record<string, string>;
  readonly withinMs?: number;
}

async function ask(url: string, { method = "GET", headers, withinMs = ANSWER_MS }: Asked): Promise<string> {
  try {
    const { statusCode, body } = await request(url, { method, headers, signal: AbortSignal.timeout(withinMs) });
    const text = await body.text();
    if (statusCode === 200) return text;
    throw new Error(`it answered ${statusCode}`);
  } catch (error) {
    throw unavailable(url, error instanceof Error ? error.message : String(error));
  }
}

function readLent(text: string, url: string): LentCredentials {
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = parse(text, url);
  if (typeof AccessKeyId !== "string" || typeof SecretAccessKey !== "string") throw unavailable(url, "it gave no keys");
  const endsAt = typeof Expiration === "string" ? Date.parse(Expiration) : Number.NaN;
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: typeof Token === "string" ? Token : undefined,
    endsAt: Number.isNaN(endsAt) ? Number.POSITIVE_INFINITY : endsAt,
  };
}

function parse(text: string, url: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // said below
  }
  throw unavailable(url, "it gave no JSON object");
}

/** What came may hold a secret, so it is never part of the message. */
function unavailable(from: string, why: string): RegistryError {
  return new RegistryError("CREDENTIALS_UNAVAILABLE", `Cannot get the keys for S3 from ${from}: ${why}`);
}

/** Keys of an S3 service, from where its own tools look: the environment, then the shared files. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { RegistryError } from "../errors.ts";

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** Undefined when neither has any. @throws {RegistryError} `CREDENTIALS_UNAVAILABLE` for a file that cannot be read */
export async function readCredentials(env: NodeJS.ProcessEnv): Promise<S3Credentials | undefined> {
  return fromEnvironment(env) ?? (await fromFile(env));
}

export function noCredentials(env: NodeJS.ProcessEnv): RegistryError {
  const file = `nor for profile ${profileOf(env)} in ${credentialsFile(env)}`;
  return new RegistryError("CREDENTIALS_UNAVAILABLE", `Cannot use S3: there are no keys in the environment, ${file}, and this machine is lent none`, {
    hint: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  });
}

/** Of the profile in the configuration file. */
export async function readRegion(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const profile = profileOf(env);
  const sections = await readSections(env["AWS_CONFIG_FILE"] ?? join(homeOf(env), ".aws/config"));
  return sections.get(profile === "default" ? profile : `profile ${profile}`)?.get("region");
}

function fromEnvironment(env: NodeJS.ProcessEnv): S3Credentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
  return accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey, sessionToken };
}

async function fromFile(env: NodeJS.ProcessEnv): Promise<S3Credentials | undefined> {
  const section = (await readSections(credentialsFile(env))).get(profileOf(env));
  const [accessKeyId, secretAccessKey] = [section?.get("aws_access_key_id"), section?.get("aws_secret_access_key")];
  if (accessKeyId === undefined || secretAccessKey === undefined) return undefined;
  return { accessKeyId, secretAccessKey, sessionToken: section?.get("aws_session_token") };
}

/** `[section]` and `name = value`; empty when there is no such file. */
async function readSections(path: string): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return "";
    throw new RegistryError("CREDENTIALS_UNAVAILABLE", `Cannot read ${path}: ${error.message}`, { cause: error });
  });
  const sections = new Map<string, Map<string, string>>();
  let current = new Map<string, string>();
  for (const line of text.split("\n")) {
    const name = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    const [, key, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== undefined) sections.set(name, (current = sections.get(name) ?? new Map<string, string>()));
    else if (key !== undefined && value !== undefined) current.set(key.toLowerCase(), value);
  }
  return sections;
}

function credentialsFile(env: NodeJS.ProcessEnv): string {
  return env["AWS_SHARED_CREDENTIALS_FILE"] ?? join(homeOf(env), ".aws/credentials");
}

function homeOf(env: NodeJS.ProcessEnv): string {
  return env["HOME"] ?? homedir();
}

function profileOf(env: NodeJS.ProcessEnv): string {
  return env["AWS_PROFILE"] ?? "default";
}

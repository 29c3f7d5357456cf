/** `--secret id=NAME,src=FILE` or `env=VARIABLE`. */
import { readFileSync, statSync } from "node:fs";
import type { BuildRequest, Secret } from "../../builder/request.ts";
import { UsageError } from "../errors.ts";
import type { BuildFlags } from "./flags.ts";
import { readFields } from "./pairs.ts";

export function readSecrets(flags: Pick<BuildFlags, "secret">, env: NodeJS.ProcessEnv): BuildRequest["secrets"] {
  return new Map(flags.secret.map((text) => secret(text, env)));
}

function secret(text: string, env: NodeJS.ProcessEnv): readonly [string, Secret] {
  const fields = readFields(text);
  const id = fields.get("id");
  if (id === undefined) throw new UsageError(`Cannot read --secret ${text}: it has no id`);
  const path = fields.get("src") ?? fields.get("source");
  const variable = fields.get("env") ?? (path === undefined && env[id] !== undefined ? id : undefined);
  if (variable === undefined) return [id, fileSecret(id, path)];
  const value = env[variable];
  if (value === undefined) throw new UsageError(`Cannot read secret ${id}: variable ${variable} is not set`);
  return [id, { read: () => Buffer.from(value) }];
}

/** Looked for at once, as docker does: the step that wants it may be an hour away. */
function fileSecret(id: string, path: string = id): Secret {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) throw new UsageError(`Cannot read secret ${id}: there is no file ${path}`);
  return { read: () => readFileSync(path) };
}

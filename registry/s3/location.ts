/** Where a bucket is: `s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path-style=true`, completed from the environment. */
import { RegistryError } from "../errors.ts";

export interface BucketLocation {
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
  /** URL of the service without a path; undefined for Amazon's. */
  readonly endpoint: URL | undefined;
  readonly region: string | undefined;
  /** The bucket's name is in the path, and not in the host. */
  readonly pathStyle: boolean;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/;
const PARAMETERS: ReadonlySet<string> = new Set(["endpoint", "region", "path-style"]);

/** @throws {RegistryError} `REFERENCE_INVALID` */
export function parseLocation(text: string, env: NodeJS.ProcessEnv): BucketLocation {
  const refuse = (what: string): RegistryError =>
    new RegistryError("REFERENCE_INVALID", `Cannot read ${JSON.stringify(text)} as storage: ${what}`, {
      hint: "Give s3://BUCKET/PREFIX?endpoint=URL&region=NAME&path-style=true; all but the bucket may be left out",
    });
  const [, bucket = "", path = "", query = ""] = /^s3:\/\/([^/?]*)\/?([^?]*)\??(.*)$/.exec(text) ?? [];
  if (!BUCKET.test(bucket)) throw refuse(bucket === "" ? "it names no bucket" : `${JSON.stringify(bucket)} is no name of a bucket`);
  const prefix = path.replace(/\/+$/, "");
  if (prefix !== "" && !PREFIX.test(prefix)) throw refuse(`${JSON.stringify(prefix)} is no prefix`);
  const parameters = new URLSearchParams(query);
  const unknown = [...parameters.keys()].find((name) => !PARAMETERS.has(name));
  if (unknown !== undefined) throw refuse(`there is no parameter ${JSON.stringify(unknown)}`);
  const style = parameters.get("path-style");
  if (style !== null && style !== "true" && style !== "false") throw refuse("path-style is true or false");
  const endpoint = readEndpoint(parameters.get("endpoint") ?? env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"], refuse);
  return {
    bucket,
    prefix: prefix === "" ? "" : `${prefix}/`,
    endpoint,
    region: parameters.get("region") ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"],
    pathStyle: style === null ? endpoint !== undefined || bucket.includes(".") : style === "true",
  };
}

function readEndpoint(text: string | undefined, refuse: (what: string) => RegistryError): URL | undefined {
  if (text === undefined || text === "") return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.search !== "" || url.username !== "")
    throw refuse(`${JSON.stringify(text)} is no endpoint: give an http or https URL without a path`);
  return url;
}

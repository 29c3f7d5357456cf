/** --call METHOD[,format=json][,ignorestatus]: what to do with a Dockerfile instead of building it. */
import { UsageError } from "../errors.ts";

export interface Call {
  readonly method: "check" | "outline" | "targets";
  readonly json: boolean;
  /** End with 0 also when something was found. */
  readonly ignoreStatus: boolean;
}

const METHODS: Readonly<Record<string, Call["method"] | "build">> = { build: "build", check: "check", lint: "check", outline: "outline", targets: "targets" };

/** Undefined: build. @throws {UsageError} */
export function parseCall(text: string): Call | undefined {
  const [name = "", ...options] = text.split(",").map((word) => word.trim());
  const method = METHODS[name.replace(/^frontend\./, "")];
  if (method === undefined) throw new UsageError(`Cannot use --call ${text}: expected build, check, outline or targets`);
  let [json, ignoreStatus] = [false, false];
  for (const option of options) {
    const [key = "", value = "true"] = option.split("=");
    if (key === "format" && (value === "json" || value === "text")) json = value === "json";
    else if (key === "ignorestatus" && (value === "true" || value === "false")) ignoreStatus = value === "true";
    else throw new UsageError(`Cannot use ${option} in --call ${text}: expected format=json, format=text or ignorestatus`);
  }
  return method === "build" ? undefined : { method, json, ignoreStatus };
}

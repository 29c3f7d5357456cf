/** `--log-driver` and `--log-opt`: how a container's log is kept. */
import type { ContainerOptions, LogDetails } from "../../runtime/engine.ts";
import { UsageError } from "../errors.ts";
import { parseBytes } from "./sizes.ts";

type Log = Partial<NonNullable<ContainerOptions["log"]>>;

/** Docker's names, and podman's for the format of CRI. `local` differs from json-file in being bounded unless it is told otherwise. */
const FORMATS: Readonly<Record<string, "json" | "cri">> = { "json-file": "json", local: "json", "k8s-file": "cri" };
/** Of docker's `local`. Spec: docker docs, "Local file logging driver". */
const LOCAL_BOUNDS = { maxSize: 20 << 20, maxFiles: 5 };
/** Docker's that send a log elsewhere. */
const ELSEWHERE: ReadonlySet<string> = new Set(["awslogs", "etwlogs", "fluentd", "gcplogs", "gelf", "journald", "logentries", "splunk", "syslog"]);

/** @throws {UsageError} */
export function parseLog(driver: string = "json-file", options: readonly string[]): Pick<ContainerOptions, "log" | "unlogged"> {
  const format = Object.hasOwn(FORMATS, driver) ? FORMATS[driver] : undefined;
  if (format === undefined && driver !== "none") throw unknownDriver(driver);
  const parsed = options.map((text) => parseOption(driver, text));
  if (format === undefined) return { unlogged: true };
  if (options.length === 0 && driver === "json-file") return {};
  const details = Object.assign({}, ...parsed.map((one) => one.details ?? {})) as LogDetails;
  const form = Object.assign({}, driver === "local" ? { driver, ...LOCAL_BOUNDS } : {}, ...parsed) as Log;
  if (form.maxFiles !== undefined && form.maxSize === undefined) throw new UsageError("invalid log option: max-file needs a max-size");
  return { log: { ...form, format, ...(Object.keys(details).length > 0 && { details }) } };
}

function unknownDriver(driver: string): UsageError {
  if (!ELSEWHERE.has(driver)) return new UsageError(`logger: no log driver named '${driver}' is registered: json-file, local, k8s-file and none are`);
  return new UsageError(`Cannot log to ${driver}: strata keeps logs in files of its own (json-file, local or k8s-file), which 'strata logs --follow' hands on`);
}

const DETAILS: Readonly<Record<string, keyof LogDetails>> = {
  labels: "labels",
  "labels-regex": "labelsRegex",
  env: "env",
  "env-regex": "envRegex",
  tag: "tag",
};

function parseOption(driver: string, text: string): Log {
  const [key = "", value = ""] = text.split(/=(.*)/s);
  const detail = Object.hasOwn(DETAILS, key) ? DETAILS[key] : undefined;
  if (detail !== undefined && driver !== "none") return { details: { [detail]: value } };
  if (key === "max-size" && driver !== "none") {
    const maxSize = value === "-1" ? 0 : parseBytes(value);
    if (value !== "-1" && maxSize <= 0) throw new UsageError("max-size must be a positive number");
    return { maxSize };
  }
  if (key === "compress" && driver !== "none") return compress(value);
  if (key !== "max-file" || driver === "none") throw new UsageError(`unknown log opt '${key}' for ${driver} log driver`);
  const maxFiles = /^\d+$/.test(value) ? Number(value) : 0;
  if (maxFiles < 1) throw new UsageError("max-file cannot be less than 1");
  return { maxFiles };
}

/** Full files are kept as they are: `logs` reads them while they are renamed, and they are few. */
function compress(value: string): Log {
  if (!/^(?:true|false|1|0|t|f)$/i.test(value)) throw new UsageError(`invalid log option: compress takes true or false, not ${JSON.stringify(value)}`);
  return {};
}

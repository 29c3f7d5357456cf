/** What ConfigMaps and Secrets ask of what they hold. Spec: Kubernetes API reference, "ConfigMap", "Secret". */
import { invalid, required, tooLong, type FieldError } from "../field-error.ts";
import { fields, keys, type StructRule } from "./field-rules.ts";
import { member } from "../member.ts";
import type { RuleTable } from "./rule-table.ts";

/** The values of one object together. */
const MAX_BYTES = 1024 * 1024;

type Data = Readonly<Record<string, string>>;

function textBytes(data: Data = {}): number {
  return Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value), 0);
}

/** Of base64. */
function binaryBytes(data: Data = {}): number {
  return Object.values(data).reduce((sum, value) => sum + Buffer.from(value, "base64").length, 0);
}

/** Too much of a ConfigMap is told of the object, whose path is `[]`. */
const mapSize: StructRule = ({ data, binaryData }) => (textBytes(data) + binaryBytes(binaryData) > MAX_BYTES ? [tooLong("[]", MAX_BYTES)] : []);
const secretSize: StructRule = ({ data }) => (binaryBytes(data) > MAX_BYTES ? [tooLong("data", MAX_BYTES)] : []);

const keysOnce: StructRule = ({ data = {}, binaryData = {} }) =>
  Object.keys(data).flatMap((key) => (member(binaryData, key) === undefined ? [] : [invalid(`data[${key}]`, key, "duplicate of key present in binaryData")]));

const missing = (data: Data, key: string): readonly FieldError[] => (data[key] === undefined ? [required(`data[${key}]`)] : []);

/** Contents are never told. */
function mustBeJson(data: Data, key: string): readonly FieldError[] {
  if (data[key] === undefined) return [required(`data[${key}]`)];
  try {
    JSON.parse(Buffer.from(data[key], "base64").toString());
    return [];
  } catch (error) {
    return [invalid(`data[${key}]`, "<secret contents redacted>", error instanceof SyntaxError ? "invalid character in JSON" : String(error))];
  }
}

const ACCOUNT = "kubernetes.io/service-account.name";

/** What each type of Secret must hold. */
const contents: Readonly<Record<string, (data: Data, secret: any) => readonly FieldError[]>> = {
  "kubernetes.io/dockerconfigjson": (data) => mustBeJson(data, ".dockerconfigjson"),
  "kubernetes.io/dockercfg": (data) => mustBeJson(data, ".dockercfg"),
  "kubernetes.io/tls": (data) => [...missing(data, "tls.crt"), ...missing(data, "tls.key")],
  "kubernetes.io/ssh-auth": (data) => missing(data, "ssh-privatekey"),
  "kubernetes.io/basic-auth": (data) =>
    data["username"] === undefined && data["password"] === undefined ? [required("data[username]"), required("data[password]")] : [],
  "kubernetes.io/service-account-token": (_, { metadata }) =>
    (metadata.annotations?.[ACCOUNT] ?? "") === "" ? [required(`metadata.annotations[${ACCOUNT}]`)] : [],
};

const contentsOfType: StructRule = (secret) => member(contents, secret.type)?.(secret.data ?? {}, secret) ?? [];

export const dataRules: RuleTable = {
  "core/v1.ConfigMap": [fields({ data: keys, binaryData: keys }), keysOnce, mapSize],
  "core/v1.Secret": [fields({ data: keys }), secretSize, contentsOfType],
};

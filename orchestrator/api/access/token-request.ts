/** POST of serviceaccounts/token: a token that lives as long as was asked, within limits. Spec: authentication.k8s.io/v1 TokenRequest. */
import { isRecord } from "../../schema/decode.ts";
import type { Reply } from "../../../http/message.ts";
import { json } from "../../../http/reply.ts";
import { timestamp } from "../../objects/local-cluster.ts";
import { readObject } from "../body.ts";
import type { Call } from "../call.ts";
import { current } from "../read.ts";
import { issueToken } from "./tokens.ts";

const DEFAULT_SECONDS = 3600;
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;

export async function requestToken(call: Call): Promise<Reply> {
  const { metadata } = current(call);
  const { value } = await readObject(call.request);
  const spec: Record<string, any> = isRecord(value) && isRecord(value["spec"]) ? value["spec"] : {};
  const seconds = Math.min(Math.max(Number(spec["expirationSeconds"] ?? DEFAULT_SECONDS), MIN_SECONDS), MAX_SECONDS);
  const audiences: readonly string[] = spec["audiences"] ?? [];
  const now = call.api.now();
  const token = issueToken(call.api.secret, { namespace: metadata.namespace ?? "", name: metadata.name, uid: metadata.uid, audiences, seconds, now });
  const expirationTimestamp = timestamp(new Date(now.getTime() + seconds * 1000));
  return json(201, {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { name: metadata.name, namespace: metadata.namespace, creationTimestamp: timestamp(now) },
    spec: { audiences, expirationSeconds: seconds },
    status: { token, expirationTimestamp },
  });
}

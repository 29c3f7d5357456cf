/** Questions to the API about who asks and what they may do: answered, never stored. Spec: authentication.k8s.io/v1, authorization.k8s.io/v1. */
import { isRecord } from "../../schema/decode.ts";
import type { Reply } from "../../../http/message.ts";
import { json } from "../../../http/reply.ts";
import { ADMINISTRATORS, type User } from "./authenticate.ts";
import { isAllowed, rulesOf, type Attempt } from "./authorize.ts";
import { readObject } from "../body.ts";
import type { Call } from "../call.ts";
import { checkObject } from "../strictness.ts";

type Answer = (call: Call, spec: Spec) => unknown;

/** Checked against its type. */
interface Spec {
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly namespace?: string;
  readonly token?: string;
  readonly resourceAttributes?: Partial<Record<"verb" | "group" | "resource" | "subresource" | "namespace" | "name", string>>;
  readonly nonResourceAttributes?: object;
}

export async function review(call: Call): Promise<Reply> {
  const { object } = checkObject(call.target.resource, await readObject(call.request), call.request.query);
  const spec: unknown = object["spec"];
  const answer = answers[call.target.resource.kind]!(call, isRecord(spec) ? spec : {});
  return json(201, { ...object, metadata: { creationTimestamp: null, ...object.metadata }, status: answer });
}

const answers: Readonly<Record<string, Answer>> = {
  SelfSubjectReview: ({ user }) => ({ userInfo: infoOf(user) }),
  SelfSubjectAccessReview: (call, spec) => verdict(call, call.user, spec),
  LocalSubjectAccessReview: subjectVerdict,
  SubjectAccessReview: subjectVerdict,
  SelfSubjectRulesReview: ({ api, user }, spec) => ({
    resourceRules: rulesOf(api.log, user, spec.namespace ?? ""),
    nonResourceRules: user.groups.includes(ADMINISTRATORS) ? [{ verbs: ["*"], nonResourceURLs: ["*"] }] : [],
    incomplete: false,
  }),
  TokenReview: ({ api }, spec) => {
    const user = api.checkToken(spec.token ?? "");
    return user === undefined ? { authenticated: false, user: {}, error: "the token is not valid" } : { authenticated: true, user: infoOf(user) };
  },
};

function subjectVerdict(call: Call, spec: Spec): unknown {
  return verdict(call, { name: spec.user ?? "", groups: spec.groups ?? [], uid: undefined }, spec);
}

function verdict({ api }: Call, user: User, { resourceAttributes = {}, nonResourceAttributes }: Spec): unknown {
  if (nonResourceAttributes !== undefined) return { allowed: user.groups.includes(ADMINISTRATORS) };
  const { verb = "", group = "", resource = "", subresource = "", namespace = "", name = "" } = resourceAttributes;
  const attempt: Attempt = { verb, group, resource: subresource === "" ? resource : `${resource}/${subresource}`, namespace, name };
  return { allowed: isAllowed(api.log, user, attempt) };
}

function infoOf({ name, groups, uid }: User): unknown {
  return { username: name, ...(uid !== undefined && { uid }), groups };
}

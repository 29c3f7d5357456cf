/** Who may do what, and the tokens that say so: decided without a socket. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Permission } from "../../registry/server/access.ts";
import { parsePattern } from "../../registry/server/name-pattern.ts";
import { parsePolicy, permits } from "../../registry/server/policy.ts";
import { quotaFor } from "../../registry/server/quota.ts";
import { covers, parseScope, readToken, signToken, type Claims } from "../../registry/server/token.ts";

const POLICY = `
rules:
  - { users: [ann], repositories: ["team/*", "shared"], actions: [pull, push] }
  - { users: [root], repositories: ["**"], actions: ["*"] }
  - { users: ["*"], repositories: ["common/**"], actions: [pull] }
  - { users: [anonymous], repositories: ["public/a.b"], actions: [pull] }
`;

const to = (action: "pull" | "push" | "delete", name: string): Permission => ({ kind: "repository", name, action });

describe("a policy", () => {
  const policy = parsePolicy(POLICY, "policy.yaml");

  test.each([
    ["ann pushes to a repository of the team", "ann", to("push", "team/app"), true],
    ["ann does not delete there", "ann", to("delete", "team/app"), false],
    ["a * is one part of a name", "ann", to("push", "team/app/deep"), false],
    ["a pattern is the whole name", "ann", to("push", "my/team/app"), false],
    ["a name without * is itself alone", "ann", to("push", "shared/x"), false],
    ["root deletes anything", "root", to("delete", "a/b/c"), true],
    ["everyone who logged in pulls the common ones, however deep", "bob", to("pull", "common/a/b"), true],
    ["but does not push there", "bob", to("push", "common/a/b"), false],
    ["without login only what is for the anonymous", undefined, to("pull", "public/a.b"), true],
    ["a dot is a dot", undefined, to("pull", "public/axb"), false],
    ["who logged in is not the anonymous", "bob", to("pull", "public/a.b"), false],
    ["a user called * is nobody special", undefined, to("pull", "common/a"), false],
    ["who logged in may ask for the catalog", "bob", { kind: "catalog" } as const, true],
  ])("%s", (_, user, permission, want) => expect(permits(policy, user, permission)).toBe(want));

  test.each([
    ["no rules", "quotas: []", "it has no list of rules"],
    ["broken YAML", "rules: [", /^Cannot read the policy p\.yaml: Flow sequence .* line 1, column 9$/],
    ["a wrong action", 'rules: [{ users: [a], repositories: ["x"], actions: [write] }]', 'rules[0].actions: "write" is none of pull, push, delete and *'],
    ["a rule without users", 'rules: [{ repositories: ["x"], actions: [pull] }]', "rules[0].users is not a list of words"],
    ["a misspelt key", "rules: [{ user: [a] }]", "rules[0].user is unknown: users, repositories and actions are"],
    ["another top", "rules: []\nrule: []", '"rule" is unknown: rules and quotas are'],
    ["a quota of nothing known", 'rules: []\nquotas: [{ repositories: ["x"], size: 10 apples }]', 'quotas[0].size: "10 apples" is no size'],
  ])("with %s is refused, naming it", (_, text, want) => expect(() => parsePolicy(text, "p.yaml")).toThrow(want));
});

test.each([
  ["team/app", 2e9],
  ["team/small", 1 << 20],
  ["other", undefined],
])("the quota of %s is the least that is given", (name, want) => {
  const text = 'rules: []\nquotas: [{ repositories: ["team/*"], size: 2GB }, { repositories: ["**/small"], size: 1MiB }]';
  expect(quotaFor(parsePolicy(text, "p.yaml").quotas, name)).toBe(want);
});

/** What a pattern means, slowly. */
function meaning(glob: string): RegExp {
  return new RegExp(`^${glob.replaceAll(/\*\*|\*/g, (star) => (star === "**" ? ".*" : "[^/]*"))}$`);
}

const word = (...letters: readonly string[]): fc.Arbitrary<string> => fc.array(fc.constantFrom(...letters), { maxLength: 8 }).map((some) => some.join(""));

test("a pattern matches what it says", () => {
  const property = fc.property(word("a", "b", "/", "*", "**"), word("a", "b", "/"), (glob, name) => {
    expect(parsePattern(glob)(name)).toBe(meaning(glob).test(name));
  });
  fc.assert(property, { seed: 7, numRuns: 5_000 });
});

test("no name makes a pattern slow", () => {
  const matches = parsePattern(`${"**/a/".repeat(12)}x`);
  const started = performance.now();
  expect([matches(`${"a/".repeat(120)}b`), matches(`b/${"a/".repeat(120)}x`)]).toEqual([false, true]);
  expect(performance.now() - started).toBeLessThan(1_000);
});

describe("a token", () => {
  const secret = "00".repeat(32);
  const now = 1_000_000_000_000;
  const claims: Claims = { use: "access", sub: "ann", access: [{ type: "repository", name: "team/app", actions: ["pull"] }], exp: now / 1000 + 10 };
  const token = signToken(secret, claims);
  const forged = (change: object): string => {
    const [header, , signature] = token.split(".");
    return `${header}.${Buffer.from(JSON.stringify({ ...claims, ...change })).toString("base64url")}.${signature}`;
  };

  test.each([
    ["is what was signed", token, "access", now, true],
    ["of another secret is nothing", signToken("11".repeat(32), claims), "access", now, false],
    ["with other claims is nothing", forged({ sub: "root" }), "access", now, false],
    ["without a signature is nothing", `${token.split(".").slice(0, 2).join(".")}.`, "access", now, false],
    ["that says it needs no signature is nothing", `${Buffer.from('{"alg":"none"}').toString("base64url")}.${token.split(".")[1]}.`, "access", now, false],
    ["for another use is nothing", token, "refresh", now, false],
    ["is over at its time", token, "access", now + 10_000, false],
    ["that is not one is nothing", "x", "access", now, false],
  ] as const)("%s", (_, text, use, at, valid) => expect(readToken(secret, text, use, at) !== undefined).toBe(valid));

  test("covers what it names, and no more", () => {
    expect(covers(claims.access, to("pull", "team/app"))).toBe(true);
    expect(covers(claims.access, to("push", "team/app"))).toBe(false);
    expect(covers(claims.access, to("pull", "team"))).toBe(false);
    expect(covers(claims.access, { kind: "catalog" })).toBe(false);
  });

  test.each([
    ["repository:team/app:pull,push", { type: "repository", name: "team/app", actions: ["pull", "push"] }],
    ["repository:host:5000/app:pull", { type: "repository", name: "host:5000/app", actions: ["pull"] }],
    ["repository(plugin):a:pull", { type: "repository", name: "a", actions: ["pull"] }],
    ["registry:catalog:*", { type: "registry", name: "catalog", actions: ["*"] }],
    ["repository:a:pull,push,pull", { type: "repository", name: "a", actions: ["pull", "push"] }],
    ["repository:a:", { type: "repository", name: "a", actions: [] }],
    ["repository", undefined],
    ["repository:a:pu ll", undefined],
  ])("scope %s", (text, want) => expect(parseScope(text)).toEqual(want));
});

import { expect, test } from "vitest";
import { parseAuthorization } from "../../http/authorization.ts";
import { formatChallenge, parseChallenges } from "../../http/challenge.ts";
import { precondition } from "../../http/conditional.ts";
import { mediaTypeOf } from "../../http/media-type.ts";
import { contentRange, parseRange } from "../../http/range.ts";

test.each([
  { name: "first bytes", header: "bytes=0-4", want: { start: 0, end: 5 } },
  { name: "from a place to the end", header: "bytes=6-", want: { start: 6, end: 10 } },
  { name: "the last bytes", header: "bytes=-3", want: { start: 7, end: 10 } },
  { name: "more last bytes than there are", header: "bytes=-30", want: { start: 0, end: 10 } },
  { name: "clamped past the end", header: "bytes=8-100", want: { start: 8, end: 10 } },
  { name: "backwards", header: "bytes=5-0", want: "unsatisfiable" },
  { name: "beyond the end", header: "bytes=10-", want: "unsatisfiable" },
  { name: "no last bytes", header: "bytes=-0", want: "unsatisfiable" },
  { name: "another unit is ignored", header: "lines=0-1", want: undefined },
  { name: "several ranges are ignored", header: "bytes=0-1,3-4", want: undefined },
  { name: "absent", header: undefined, want: undefined },
])("range: $name", ({ header, want }) => expect(parseRange(header, 10)).toEqual(want));

test("content range counts inclusively", () => expect(contentRange({ start: 2, end: 5 }, 10)).toBe("bytes 2-4/10"));

test.each([
  { name: "same tag is not sent again", method: "GET", headers: { "if-none-match": '"a"' }, current: '"a"', want: 304 },
  { name: "weak tags match weakly", method: "HEAD", headers: { "if-none-match": 'W/"a", "b"' }, current: '"a"', want: 304 },
  { name: "another tag is sent", method: "GET", headers: { "if-none-match": '"b"' }, current: '"a"', want: undefined },
  { name: "create only when absent: present", method: "PUT", headers: { "if-none-match": "*" }, current: '"a"', want: 412 },
  { name: "create only when absent: absent", method: "PUT", headers: { "if-none-match": "*" }, current: undefined, want: undefined },
  { name: "replace only this one", method: "PUT", headers: { "if-match": '"b"' }, current: '"a"', want: 412 },
])("precondition: $name", ({ method, headers, current, want }) => expect(precondition(method, headers, current)).toBe(want));

test.each([
  { name: "basic", header: `Basic ${btoa("ann:s:ecret")}`, want: { scheme: "basic", username: "ann", password: "s:ecret" } },
  { name: "bearer in any case", header: "bearer abc.def", want: { scheme: "bearer", token: "abc.def" } },
  { name: "basic without a colon", header: `Basic ${btoa("ann")}`, want: undefined },
  { name: "unknown scheme", header: "Digest x", want: undefined },
  { name: "absent", header: undefined, want: undefined },
])("authorization: $name", ({ header, want }) => expect(parseAuthorization(header)).toEqual(want));

test.each([
  {
    name: "bearer",
    header: 'Bearer realm="https://a.example/token",service="r",scope="repository:x:pull,push"',
    want: [{ scheme: "bearer", parameters: { realm: "https://a.example/token", service: "r", scope: "repository:x:pull,push" } }],
  },
  {
    name: "two schemes and a bare value",
    header: 'Basic realm="a b", Bearer realm=x',
    want: [
      { scheme: "basic", parameters: { realm: "a b" } },
      { scheme: "bearer", parameters: { realm: "x" } },
    ],
  },
  { name: "escaped quotes", header: 'Basic realm="a\\"b"', want: [{ scheme: "basic", parameters: { realm: 'a"b' } }] },
  { name: "a scheme alone", header: "Negotiate", want: [{ scheme: "negotiate", parameters: {} }] },
])("challenge: $name", ({ header, want }) => expect(parseChallenges(header)).toEqual(want));

test("a challenge is written as it is read", () => {
  const challenge = { scheme: "bearer", parameters: { realm: 'a"b', scope: "x:y" } };
  expect(parseChallenges(formatChallenge(challenge))).toEqual([challenge]);
});

test.each([
  ["index.html", "text/html; charset=utf-8"],
  ["layer.tar", "application/x-tar"],
  ["a.json", "application/json; charset=utf-8"],
  ["unknown", "application/octet-stream"],
])("media type of %s", async (path, want) => expect(await mediaTypeOf(path)).toBe(want));

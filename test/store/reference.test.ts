import { describe, expect, test } from "vitest";
import { familiarName, parseReference, repositoryOf } from "../../store/reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

const valid = [
  { text: "hello", name: "docker.io/library/hello:latest", familiar: "hello:latest" },
  { text: "hello:v1", name: "docker.io/library/hello:v1", familiar: "hello:v1" },
  { text: "team/hello", name: "docker.io/team/hello:latest", familiar: "team/hello:latest" },
  { text: "docker.io/hello", name: "docker.io/library/hello:latest", familiar: "hello:latest" },
  { text: "index.docker.io/team/hello:1", name: "docker.io/team/hello:1", familiar: "team/hello:1" },
  { text: "docker.io/library/hello", name: "docker.io/library/hello:latest", familiar: "hello:latest" },
  { text: "localhost/hello", name: "localhost/hello:latest", familiar: "localhost/hello:latest" },
  { text: "localhost:5000/hello", name: "localhost:5000/hello:latest", familiar: "localhost:5000/hello:latest" },
  { text: "127.0.0.1:5000/a/b/c:x_1.2-3", name: "127.0.0.1:5000/a/b/c:x_1.2-3", familiar: "127.0.0.1:5000/a/b/c:x_1.2-3" },
  { text: "[::1]:5000/hello", name: "[::1]:5000/hello:latest", familiar: "[::1]:5000/hello:latest" },
  { text: "registry.example/library/hello", name: "registry.example/library/hello:latest", familiar: "registry.example/library/hello:latest" },
  { text: "CAPS/hello", name: "CAPS/hello:latest", familiar: "CAPS/hello:latest" },
  { text: `hello@${DIGEST}`, name: `docker.io/library/hello@${DIGEST}`, familiar: `hello@${DIGEST}` },
  { text: `hello:v1@${DIGEST}`, name: `docker.io/library/hello:v1@${DIGEST}`, familiar: `hello:v1@${DIGEST}` },
  { text: "a--b__c/e.f", name: "docker.io/a--b__c/e.f:latest", familiar: "a--b__c/e.f:latest" },
];

const invalid = [
  { name: "nothing", text: "" },
  { name: "capitals in the repository", text: "Hello" },
  { name: "an empty tag", text: "hello:" },
  { name: "a tag of 129 characters", text: `hello:${"x".repeat(129)}` },
  { name: "a tag that begins with a dash", text: "hello:-x" },
  { name: "a component that begins with a dot", text: "team/.hello" },
  { name: "a component that ends with a dash", text: "hello-" },
  { name: "three underscores", text: "a___b" },
  { name: "two slashes", text: "team//hello" },
  { name: "a slash at the end", text: "team/" },
  { name: "a digest that is none", text: "hello@sha256:123" },
  { name: "64 hex digits, which are an id", text: "a".repeat(64) },
  { name: "white space", text: "hello world" },
  { name: "a name longer than 255", text: `${"a/".repeat(130)}b` },
  { name: "a host with an underscore", text: "my_host.example/hello" },
  { name: "a port that is no number", text: "localhost:port/hello" },
  { name: "a path that climbs", text: "../hello" },
];

describe("parseReference", () => {
  test.each(valid)("$text is $name, shown as $familiar", ({ text, name, familiar }) => {
    expect(parseReference(text).name).toBe(name);
    expect(familiarName(name)).toBe(familiar);
    expect(parseReference(familiar).name).toBe(name);
  });

  test.each(invalid)("refuses $name", ({ text }) => {
    expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "REFERENCE_INVALID" }));
  });

  test("takes a reference apart", () => {
    const reference = parseReference(`localhost:5000/team/hello:v1@${DIGEST}`);
    expect(reference).toMatchObject({ domain: "localhost:5000", path: "team/hello", tag: "v1", digest: DIGEST });
    expect(repositoryOf(reference)).toBe("localhost:5000/team/hello");
  });
});

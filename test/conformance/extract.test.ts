import { expect, test } from "vitest";
import { completed, findFence } from "../../conformance/extract/fence.ts";
import { findInGoTable } from "../../conformance/extract/go-table.ts";
import { findInGoTest } from "../../conformance/extract/go-test.ts";

const GO = `
func (s *Suite) TestOne(c *testing.T) {
	ctx := fakecontext.New(c, "", fakecontext.WithDockerfile(\`FROM \`+minimalBaseImage()+\`
COPY a /\`), // said "why" (twice)
		fakecontext.WithFiles(map[string]string{
			"a":   "one\\n",
			"b/c": "",
		}))
	buildImage(name, build.WithBuildContext(c,
		build.WithFile("Dockerfile", "FROM busybox\\nCOPY \\"x y\\" /\\n"),
		build.WithFile("x y", \`raw\\n\`),
	))
	buildImage(name, build.WithDockerfile(fmt.Sprintf(\`FROM %s\`, name)))
}

var cases = []testCase{
	{
		name:       "with a context",
		contextDir: "copy",
		dockerfileContents: strings.Join([]string{
			"FROM scratch",
			"# a comment, and a comma",
			"COPY . /",
		}, "\\n"),
	},
	{
		name:       "a file",
		dockerfile: "Dockerfile.1",
	},
}
`;

test.each([
  { name: "a raw string around a known call, and a map of files", nth: 1, found: { dockerfile: "FROM scratch\nCOPY a /", files: { a: "one\n", "b/c": "" } } },
  { name: "files that are given one by one", nth: 2, found: { dockerfile: 'FROM busybox\nCOPY "x y" /\n', files: { "x y": "raw\\n" } } },
  { name: "nothing of what is computed", nth: 3, found: undefined },
  { name: "nothing where there is no more", nth: 4, found: undefined },
])("a Go test gives $name", ({ nth, found }) => {
  const written = findInGoTest(GO, "TestOne", nth);
  expect(written && { dockerfile: written.dockerfile, files: Object.fromEntries(written.files) }).toEqual(found);
});

test("a table in Go gives its entry's lines and context, and nothing for an entry that names a file", () => {
  expect(findInGoTable(GO, "with a context")).toEqual({ dockerfile: "FROM scratch\n# a comment, and a comma\nCOPY . /", context: "copy" });
  expect(findInGoTable(GO, "a file")).toBeUndefined();
});

test("a document gives its blocks for Dockerfiles by number, with a FROM above those that have none", () => {
  const text = "```console\n$ x\n```\n\n```dockerfile\nFROM a\n```\n\n```Dockerfile\nRUN b\n```\n";
  expect([1, 2, 3].map((nth) => findFence(text, nth))).toEqual(["FROM a\n", "RUN b\n", undefined]);
  expect([completed("FROM a\n"), completed("RUN b\n")]).toEqual(["FROM a\n", "FROM ubuntu\nRUN b\n"]);
});

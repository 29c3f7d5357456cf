/** Rows 3.x of the fact sheet (instructions) that a plan shows; those that must run are in run.test.ts and mounts.test.ts. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunRequest } from "../../../builder/executor.ts";
import type { ExecutionConfig } from "../../../store/oci.ts";
import { testImage } from "../../support/image.ts";
import { openLab, type Lab } from "../lab.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  lab.context({ a: "A", b: "B" });
  await testImage(lab.store, { name: "strata-test/tools", programs: [] });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const noop = { run: async () => await Promise.resolve(0) };

async function built(
  text: string,
  request: Parameters<Lab["build"]>[1] = {},
): Promise<{ readonly config: ExecutionConfig; readonly history: readonly string[]; readonly files: readonly string[] }> {
  const { result, files } = await lab.build(`${text}\n`, request, noop);
  return { config: result.config.config ?? {}, history: (result.config.history ?? []).map(({ created_by }) => created_by ?? ""), files: Object.keys(files) };
}

/** row, instructions after FROM scratch, what the configuration holds (null: nothing), the last line of history */
const configs: readonly (readonly [string, string, Readonly<Record<string, unknown>>, string])[] = [
  ["3.19 CMD in exec form is marked too", 'CMD ["a b"]', { Cmd: ["a b"], ArgsEscaped: true }, 'CMD ["a b"]'],
  ["3.19 the last one wins", "CMD a\nCMD b", { Cmd: ["/bin/sh", "-c", "b"] }, 'CMD ["/bin/sh" "-c" "b"]'],
  ["3.19 ENTRYPOINT keeps a CMD of its stage, before or after it", 'CMD ["c"]\nENTRYPOINT ["e"]', { Cmd: ["c"], Entrypoint: ["e"] }, 'ENTRYPOINT ["e"]'],
  ["3.19 special characters in history", 'CMD ["a\\n\\"\\u00a0é\\u0001"]', {}, 'CMD ["a\\n\\"\\u00a0é\\x01"]'],
  ["3.20 CMD [] clears", 'CMD ["a"]\nCMD []', { Cmd: null }, "CMD []"],
  ["3.20 ENTRYPOINT [] clears", 'ENTRYPOINT ["a"]\nENTRYPOINT []', { Entrypoint: null }, "ENTRYPOINT []"],
  [
    "3.21 names and values with variables, quotes and continuations",
    'ENV v=1\nLABEL a.$v="x y" \\\n  b=z\\ z',
    { Labels: { "a.1": "x y", b: "z z" } },
    "LABEL a.1=x y b=z z",
  ],
  ["3.21 the old form", "LABEL a b c", { Labels: { a: "b c" } }, "LABEL a=b c"],
  ["3.22 MAINTAINER", "MAINTAINER Some One", {}, "MAINTAINER Some One"],
  [
    "3.23 words are sorted, then ranges opened",
    "EXPOSE 80 9-11/UDP 443",
    { ExposedPorts: { "80/tcp": {}, "443/tcp": {}, "9/udp": {}, "10/udp": {}, "11/udp": {} } },
    "EXPOSE [443/tcp 80/tcp 9/udp 10/udp 11/udp]",
  ],
  [
    "3.23 addresses and ports of hosts are dropped",
    "EXPOSE 127.0.0.1:8080:80 [::1]:81:81/sctp 8000-8001:90-91",
    { ExposedPorts: { "80/tcp": {}, "81/sctp": {}, "90/tcp": {}, "91/tcp": {} } },
    "EXPOSE [80/tcp 90/tcp 91/tcp 81/sctp]",
  ],
  ["3.23 nothing exposed by an empty variable", "EXPOSE $none", { ExposedPorts: null }, "EXPOSE []"],
  ["3.24 the old form takes the rest, quotes taken off", 'ENV a  "b  c" d', { Env: [expect.stringMatching(/^PATH=/), "a=b  c d"] }, "ENV a=b  c d"],
  ["3.24 replaced in place, PATH too", "ENV a=1 PATH=/p\nENV b=2 a=3", { Env: ["PATH=/p", "a=3", "b=2"] }, "ENV b=2 a=3"],
  ["3.25 VOLUME in both forms", 'VOLUME ["/a b"]\nVOLUME /c /d', { Volumes: { "/a b": {}, "/c": {}, "/d": {} } }, "VOLUME [/c /d]"],
  ["3.26 USER expands", "ARG u=5\nUSER $u:g", { User: "5:g" }, "USER 5:g"],
  ["3.27 relative, cleaned, no tilde", "WORKDIR a\nWORKDIR ../b/./c/\nWORKDIR ~", { WorkingDir: "/b/c/~" }, "WORKDIR /b/c/~"],
  ["3.30 a real-time signal, as written", "STOPSIGNAL rtmin+3", { StopSignal: "rtmin+3" }, "STOPSIGNAL rtmin+3"],
  [
    "3.31 all options",
    "HEALTHCHECK --interval=1m30s --timeout=2s --start-period=1.5s --start-interval=500ms --retries=3 cmd a $b",
    { Healthcheck: { Test: ["CMD-SHELL", "a $b"], Interval: 90e9, Timeout: 2e9, StartPeriod: 1.5e9, StartInterval: 5e8, Retries: 3 } },
    "HEALTHCHECK {Test:[CMD-SHELL a $b] Interval:1m30s Timeout:2s StartPeriod:1.5s StartInterval:500ms Retries:3}",
  ],
  [
    "3.31 zero and empty inherit",
    "HEALTHCHECK --interval=0s --retries= --timeout= none",
    { Healthcheck: { Test: ["NONE"] } },
    "HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}",
  ],
  ["3.32 SHELL is stored and used", 'SHELL ["/s", "-x"]\nCMD a', { Shell: ["/s", "-x"], Cmd: ["/s", "-x", "a"] }, 'CMD ["/s" "-x" "a"]'],
  [
    "3.32 HEALTHCHECK leaves its shell to whoever runs it",
    'SHELL ["/s", "-x"]\nHEALTHCHECK CMD a',
    { Healthcheck: { Test: ["CMD-SHELL", "a"] } },
    "HEALTHCHECK {Test:[CMD-SHELL a] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}",
  ],
  ["3.29 ONBUILD leaves no entry", "LABEL x=1\nONBUILD RUN $a \\\n  b", { OnBuild: ["RUN $a   b"] }, "LABEL x=1"],
  [
    "3.29 with a heredoc and a stage of the child",
    "LABEL x=1\nONBUILD COPY --from=src <<-'E' /f\n\t$a\n\tE",
    { OnBuild: ["COPY --from=src <<-'E' /f\n\t$a\nE"] },
    "LABEL x=1",
  ],
];

test.each(configs)("%s", async (_, text, wanted, shown) => {
  const { config, history } = await built(`FROM scratch\n${text}`);
  for (const [name, value] of Object.entries(wanted)) expect(Reflect.get(config, name)).toEqual(value ?? undefined);
  expect(history.at(-1)).toBe(shown);
});

test("3.19 ENTRYPOINT resets a CMD that a base or an earlier stage brought", async () => {
  await testImage(lab.store, { name: "strata-test/with-cmd", config: { Cmd: ["c"], Entrypoint: ["e"] }, programs: [] });
  expect((await built('FROM strata-test/with-cmd\nENTRYPOINT ["f"]')).config).not.toHaveProperty("Cmd");
  expect((await built('FROM scratch AS a\nCMD ["c"]\nFROM a\nENTRYPOINT ["f"]')).config).not.toHaveProperty("Cmd");
  expect((await built('FROM strata-test/with-cmd\nCMD ["d"]')).config).toMatchObject({ Cmd: ["d"], Entrypoint: ["e"] });
});

/** row, Dockerfile, target, files */
const stages: readonly (readonly [string, string, string | undefined, readonly string[]])[] = [
  ["3.1 names in any case", "FROM scratch AS Base\nCOPY a /a\nFROM BASE\nCOPY --from=bAsE /a /b", undefined, ["a", "b"]],
  ["3.1 of two of one name the last", "FROM scratch AS x\nCOPY a /1\nFROM scratch AS x\nCOPY a /2\nFROM x", undefined, ["2"]],
  ["3.4 a stage called scratch hides the empty one, as in BuildKit", "FROM scratch AS scratch\nCOPY a /a\nFROM scratch\nCOPY b /b", undefined, ["a", "b"]],
  ["3.5 a stage that nothing needs may be broken", "FROM nowhere/at-all\nRUN x\nFROM scratch\nCOPY a /a", undefined, ["a"]],
  ["3.6 a target by name in any case", "FROM scratch AS One\nCOPY a /1\nFROM scratch\nCOPY a /2", "ONE", ["1"]],
  ["3.6 a target by number", "FROM scratch\nCOPY a /1\nFROM scratch\nCOPY a /2", "0", ["1"]],
  ["3.6 an empty target is the last stage", "FROM scratch\nCOPY a /1\nFROM scratch\nCOPY a /2", "", ["2"]],
  ["3.7 --from by number", "FROM scratch\nCOPY a /1\nFROM scratch\nCOPY --from=0 /1 /2", undefined, ["2"]],
];

test.each(stages)("%s", async (_, text, target, wanted) => {
  expect((await built(text, { target })).files).toEqual(wanted);
});

test("3.2 --platform with global arguments shapes configuration and automatic arguments stay the target's", async () => {
  const text = "ARG A=arm64\nFROM --platform=linux/$A/v8 scratch\nARG TARGETARCH\nLABEL t=$TARGETARCH";
  const { result } = await lab.build(text, { platforms: [{ os: "linux", architecture: "amd64" }] });
  expect(result.config.config?.Labels).toEqual({ t: "amd64" });
});

/** row, Dockerfile, the program and its history */
const programs: readonly (readonly [string, string, readonly string[], string])[] = [
  ["3.8 shell form keeps the blanks of continued lines", "RUN a \\\n   b", ["/bin/sh", "-c", "a    b"], "RUN /bin/sh -c a    b # buildkit"],
  ["3.8 exec form keeps the name as written", 'RUN ["echo", "a b"]', ["echo", "a b"], "RUN echo a b # buildkit"],
  ["3.8 nothing at all is an empty command", "RUN", ["/bin/sh", "-c", ""], "RUN /bin/sh -c  # buildkit"],
  ["3.32 SHELL", 'SHELL ["/b", "-ec"]\nRUN a', ["/b", "-ec", "a"], "RUN /b -ec a # buildkit"],
  ["1.13 a heredoc alone is the command", "RUN <<E\na $b\nE", ["/bin/sh", "-c", "a $b\n"], "RUN /bin/sh -c a $b\n # buildkit"],
  ["1.13 chomped", "RUN <<-E\n\ta\n\t\tb\n\tE", ["/bin/sh", "-c", "a\nb\n"], "RUN /bin/sh -c a\nb\n # buildkit"],
  ["1.13 with #! it is a program", "RUN <<E\n#!/bin/x\ny\nE", ["/dev/pipes/E"], "RUN /dev/pipes/E # buildkit"],
  [
    "1.13 next to a command it stays for the shell",
    "RUN <<-'E' x 3<<F\n\ta\n\tE\nb\nF",
    ["/bin/sh", "-c", "<<-'E' x 3<<F\n\ta\nE\nb\nF"],
    "RUN /bin/sh -c <<-'E' x 3<<F\n\ta\nE\nb\nF # buildkit",
  ],
];

test.each(programs)("%s", async (_, text, args, shown) => {
  const requests: RunRequest[] = [];
  const { result } = await lab.build(
    `FROM strata-test/tools\n${text}\n`,
    { noCache: true },
    { run: async (request) => (requests.push(request), await Promise.resolve(0)) },
  );
  expect(requests.map((request) => request.args)).toEqual([args]);
  expect(result.config.history?.at(-1)?.created_by).toBe(shown);
});

test("1.14 heredocs of COPY are files: expanded with quotes left alone, unless the word is quoted", async () => {
  const text = 'FROM scratch\nARG v=1\nCOPY --chmod=640 <<x <<"y" <<-z /d/\n$v \\$v "$v" \'${v}\'\nx\n$v\ny\n\tt$u\n\tz\n';
  const { files } = await lab.build(text);
  expect(files).toMatchObject({ "d/x": "file 640 0:0 1 $v \"1\" '1'\n", "d/y": "file 640 0:0 $v\n", "d/z": "file 640 0:0 t\n" });
});

test("3.29 triggers run first, in order, with the child's stages and arguments, and not in the grandchild", async () => {
  const base = await lab.build(
    "FROM scratch\nARG v=base\nONBUILD ARG v=trigger\nONBUILD ENV e=$v\nONBUILD COPY --from=src /a /from-src\nONBUILD COPY <<E /doc\n[$e]\nE\n",
  );
  await lab.store.images.tag("strata-test/onbuild", base.result.target);
  const { result, files } = await lab.build("FROM scratch AS src\nCOPY a /a\nFROM strata-test/onbuild AS child\nFROM child\nLABEL x=1\n");
  expect(files).toMatchObject({ doc: "file 644 0:0 [trigger]\n", "from-src": "file 644 0:0 A" });
  expect(result.config.history?.map(({ created_by }) => created_by)).toEqual([
    "ARG v=base",
    "ARG v=trigger",
    "ENV e=trigger",
    "COPY /a /from-src # buildkit",
    "COPY <<E /doc # buildkit",
    "LABEL x=1",
  ]);
  expect(result.config.config?.OnBuild).toBeUndefined();
});

test("3.29 triggers of a stage run in the stage built on it", async () => {
  const { files, events } = await lab.build("FROM scratch AS p\nONBUILD COPY a /t\nFROM p\nCOPY b /b\n");
  expect(Object.keys(files)).toEqual(["b", "t"]);
  expect(events.flatMap((event) => (event.kind === "started" ? [event.name] : []))).toContain("[stage-1 2/3] ONBUILD COPY a /t");
});

/** row, Dockerfile, code, message, line, hint */
const errors: readonly (readonly [string, string, string, RegExp, number, string?])[] = [
  ["3.1 a bad stage name", "FROM scratch AS a/b", "DOCKERFILE_INVALID", /Cannot name a stage "a\/b"/, 1],
  ["3.1 FROM of two words", "FROM scratch x", "DOCKERFILE_INVALID", /expected 'FROM image \[AS name\]'/, 1],
  ["3.1 a stage with a slip in its name", "FROM scratch AS builder\nFROM bulider", "IMAGE_UNKNOWN", /bulider/, 2, "Did you mean builder?"],
  ["3.7 the same in --from", "FROM scratch AS builder\nFROM scratch\nCOPY --from=bulider /a /b", "IMAGE_UNKNOWN", /bulider/, 3, "Did you mean builder?"],
  ["3.2 an empty platform", "ARG P\nFROM --platform=$P scratch", "FLAG_INVALID", /the value is empty/, 2],
  ["3.2 no platform at all", "FROM --platform=a/b/c/d/e scratch", "FLAG_INVALID", /as a platform/, 1],
  [
    "3.7 a later stage in a mount",
    "FROM scratch\nRUN --mount=from=late,target=/x y\nFROM scratch AS late\nFROM scratch\nCOPY --from=0 / /",
    "STAGE_CYCLE",
    /defined later/,
    2,
  ],
  ["3.9 an unknown type", "FROM scratch\nRUN --mount=type=bnid,target=/x y", "FLAG_INVALID", /Cannot mount type bnid/, 2, "Did you mean bind?"],
  ["3.9 no target", "FROM scratch\nRUN --mount=type=bind y", "FLAG_INVALID", /a target other than/, 2],
  ["3.9 the root as target", "FROM scratch\nWORKDIR /w\nRUN --mount=target=.. y", "FLAG_INVALID", /a target other than/, 3],
  ["3.9 a key that needs a value", "FROM scratch\nRUN --mount=type=cache,target=/x,id y", "FLAG_INVALID", /"id" in --mount: it must be a key=value pair/, 2],
  ["3.9 a variable in from", "FROM scratch\nARG x\nRUN --mount=from=$x,target=/x y", "FLAG_INVALID", /'from' doesn't support variable expansion/, 3],
  ["3.9 a quote in the middle", "FROM scratch\nRUN --mount='type=cache,target=/a\"b' y", "FLAG_INVALID", /a quote is not closed/, 2],
  ["3.9 an owner of a bind", "FROM scratch\nRUN --mount=target=/x,uid=1 y", "FLAG_INVALID", /Cannot use uid in --mount=type=bind/, 2],
  ["3.10 an unknown sharing", "FROM scratch\nRUN --mount=type=cache,target=/x,sharing=lokced y", "FLAG_INVALID", /sharing=lokced/, 2, "Did you mean locked?"],
  [
    "3.10 a mode that is not octal",
    "FROM scratch\nRUN --mount=type=cache,target=/x,mode=0888 y",
    "FLAG_INVALID",
    /mode=0888 in --mount: expected octal digits/,
    2,
  ],
  ["3.11 a size that is none", "FROM scratch\nRUN --mount=type=tmpfs,target=/x,size=big y", "FLAG_INVALID", /"big" as a size/, 2],
  ["3.12 a secret without a name", "FROM scratch\nRUN --mount=type=secret,env=X y", "FLAG_INVALID", /one of id, source, target is required/, 2],
  ["3.12 a secret with two names", "FROM scratch\nRUN --mount=type=secret,id=a,source=b y", "FLAG_INVALID", /both source and id can't be set/, 2],
  ["3.13 a source of ssh", "FROM scratch\nRUN --mount=type=ssh,source=x y", "FLAG_INVALID", /Cannot use source in --mount=type=ssh/, 2],
  ["3.16 an unknown network", "FROM scratch\nRUN --network=bridge y", "FLAG_INVALID", /--network=bridge: expected default, none, host/, 2],
  [
    "3.17 insecure without leave",
    "FROM scratch\nRUN --security=insecure y",
    "NOT_ALLOWED",
    /security.insecure is not allowed/,
    2,
    "Allow it by --allow security.insecure: the step can then do to this machine whatever root can",
  ],
  ["3.18 devices", "FROM scratch\nRUN --device=vendor.com/gpu=all y", "UNSUPPORTED", /Cannot use RUN --device/, 2],
  ["3.8 an empty exec form", "FROM scratch\nRUN []", "DOCKERFILE_INVALID", /the exec form requires at least one argument/, 2],
  ["3.23 a name for an address", "FROM scratch\nEXPOSE localhost:80:80", "DOCKERFILE_INVALID", /Cannot expose "localhost:80:80"/, 2],
  ["3.23 ranges of two lengths", "FROM scratch\nEXPOSE 1-2:1-3", "DOCKERFILE_INVALID", /not equally long/, 2],
  ["3.25 an empty path", 'FROM scratch\nVOLUME [""]', "DOCKERFILE_INVALID", /can not be an empty string/, 2],
  ["3.29 a trigger that is not allowed", "FROM scratch\nONBUILD maintainer x", "DOCKERFILE_INVALID", /MAINTAINER as an ONBUILD trigger/, 2],
  ["3.29 a trigger that cannot be read", "FROM scratch\nONBUILD COPY --x a b", "FLAG_INVALID", /--x with COPY/, 2],
  ["3.31 negative retries", "FROM scratch\nHEALTHCHECK --retries=-1 CMD x", "FLAG_INVALID", /--retries=-1/, 2],
  ["3.31 NONE with arguments", "FROM scratch\nHEALTHCHECK NONE x", "DOCKERFILE_INVALID", /expected NONE or CMD/, 2],
  ["3.31 an empty exec form", "FROM scratch\nHEALTHCHECK CMD []", "DOCKERFILE_INVALID", /missing command after CMD/, 2],
  ["3.32 an empty SHELL", "FROM scratch\nSHELL []", "DOCKERFILE_INVALID", /JSON form/, 2],
];

const refused = errors.map(([name, text, code, message, line, hint]) => ({ name, text, code, message, line, hint }));

test.each(refused)("$name is refused with its place", async ({ text, code, message, line, hint }) => {
  const wanted = { code, message: expect.stringMatching(message) as string, place: { line }, ...(hint === undefined ? {} : { hint }) };
  await expect(lab.build(`${text}\n`)).rejects.toMatchObject(wanted);
});

test("3.29 a trigger that holds two instructions is refused where the FROM stands", async () => {
  await testImage(lab.store, { name: "strata-test/two", config: { OnBuild: ["LABEL a=1\nLABEL b=2"] }, programs: [] });
  await expect(lab.build("FROM strata-test/two\n")).rejects.toMatchObject({
    code: "DOCKERFILE_INVALID",
    message: /not exactly one instruction/,
    place: { line: 1 },
  });
});

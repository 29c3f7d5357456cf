/** Names of RUN steps, as progress and history show them. */
import { expect, test } from "vitest";
import { parseDockerfile } from "../../builder/dockerfile/parse.ts";
import { planBuild } from "../../builder/plan/plan.ts";

const PLATFORM = { os: "linux", architecture: "amd64" };

async function label(line: string): Promise<string | undefined> {
  const { graph } = await planBuild(parseDockerfile(`FROM scratch\nARG V=1 EMPTY= TOKEN\nENV E="two words"\n${line}\n`), {
    target: undefined,
    platform: PLATFORM,
    machine: PLATFORM,
    buildArgs: new Map(),
    contexts: new Map(),
    openImage: () => Promise.reject(new Error("no image is needed")),
  });
  return graph.stages[0]?.steps[0]?.name.replace(/^\[[^\]]*\] /, "");
}

/** instruction, its name */
const rows: readonly (readonly [string, string])[] = [
  ["RUN make $V ${E}", "RUN make 1 two words"],
  [`RUN echo "$V" '$V' "it's $E"`, `RUN echo "1" '$V' "it's two words"`],
  ["RUN for i in a b; do echo $i ${i} ${i:-x}; done", "RUN for i in a b; do echo $i ${i} ${i:-x}; done"],
  ["RUN echo ${V:+set} ${V:-unset} [$EMPTY] $TOKEN $$ $(pwd) $((1 + V))", "RUN echo set 1 [] $TOKEN $$ $(pwd) $((1 + V))"],
  ["RUN echo \\$V", "RUN echo $V"],
  ["RUN --mount=type=secret,id=t,env=TOKEN curl -H $TOKEN x", "RUN --mount=type=secret,id=t,env=TOKEN curl -H **** x"],
  ["RUN --mount=type=secret,id=E,env=E echo $E", "RUN --mount=type=secret,id=E,env=E echo ****"],
  ["RUN echo ${V^^} 'open", "RUN echo ${V^^} 'open"],
  ['RUN ["echo", "$V"]', 'RUN ["echo", "1"]'],
  ["RUN <<EOF\necho $V\nmore\nEOF", "RUN <<EOF (echo 1...)"],
  ["COPY <<E /$V\ntext\nE", "COPY <<E /$V"],
];

test.each(rows)("%s", async (line, wanted) => expect(await label(line)).toBe(wanted));

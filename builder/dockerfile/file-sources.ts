/** What COPY and ADD share: sources, destination and the flags about files. */
import { BuilderError } from "../errors.ts";
import { parseHeredoc } from "./heredoc.ts";
import type { FileSources, Heredoc } from "./instruction.ts";
import { listWords, type Parts } from "./parts.ts";
import { jsonWords } from "./words.ts";

export function parseFileSources(parts: Parts): FileSources {
  const words = listWords(parts);
  if (words.length < 2)
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot read ${parts.keyword}: it requires at least two arguments, source and destination`);
  const optional = (name: "from" | "chown" | "chmod"): object => {
    const value = parts.flags.text(name);
    return value === undefined || value === "" ? {} : { [name]: value };
  };
  if (parseHeredoc(words.at(-1) ?? "") !== undefined && jsonWords(parts.rest).kind !== "words")
    throw new BuilderError("DOCKERFILE_INVALID", `Cannot read ${parts.keyword}: it cannot accept a heredoc as a destination`);
  if (parts.flags.text("from")?.includes("$") === true)
    throw new BuilderError("FLAG_INVALID", `Cannot use variables in ${parts.keyword} --from`, { hint: "Name the image by FROM … AS first" });
  return {
    sources: withHeredocs(words.slice(0, -1), parts.heredocs),
    destination: words.at(-1) ?? "",
    ...optional("from"),
    ...optional("chown"),
    ...optional("chmod"),
    exclude: parts.flags.all("exclude"),
    link: parts.flags.bool("link") ?? false,
    parents: parts.flags.bool("parents") ?? false,
  };
}

function withHeredocs(words: readonly string[], heredocs: readonly Heredoc[]): readonly (string | Heredoc)[] {
  const waiting = [...heredocs];
  return words.map((word) => (waiting.length > 0 && parseHeredoc(word) !== undefined ? (waiting.shift() ?? word) : word));
}

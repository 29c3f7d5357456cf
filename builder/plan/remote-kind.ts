/** Whether a word names something elsewhere: a git repository, or a file of http. The words are read further only where they are used. */

export type RemoteKind = "git" | "url";

/** An http URL is a repository when its path ends with `.git`. */
export function remoteKind(word: string): RemoteKind | undefined {
  if (/^(?:git|ssh):\/\/|^\w[\w-]*@[\w.-]+:|^https?:\/\/[^?#]+\.git(?:[?#]|$)/.test(word)) return "git";
  return /^https?:\/\//.test(word) ? "url" : undefined;
}

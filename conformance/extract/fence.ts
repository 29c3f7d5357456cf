/** Dockerfiles in the fenced blocks of Markdown. */

/** The `nth` block, from 1, among those marked as Dockerfile. */
export function findFence(markdown: string, nth: number): string | undefined {
  const blocks = [...markdown.matchAll(/^```dockerfile\n([\s\S]*?)^```$/gim)];
  return blocks[nth - 1]?.[1];
}

/** A document shows single instructions too: without a FROM they stand below this one. */
export function completed(block: string): string {
  return /^\s*FROM\s/im.test(block) ? block : `FROM ubuntu\n${block}`;
}

/** What no provenance may tell: user and password in URLs, which proxies and git remotes often carry. */

const USERINFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi;

export function redact(text: string): string {
  return text.replaceAll(USERINFO, "$1xxxxx@");
}

/** What no message, record or provenance may tell: user and password in URLs, which proxies and git remotes often carry. A token is often the user alone. */

const USERINFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi;

export function redact(text: string): string {
  return text.replaceAll(USERINFO, "$1xxxxx@");
}

/** Names of repositories and tags. Spec: distribution-spec v1.1, "Pulling manifests". */

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Characters, with the host in front of it. */
const MAX_NAME_LENGTH = 255;

export function isRepositoryName(text: string, host = ""): boolean {
  return text.length + (host === "" ? 0 : host.length + 1) <= MAX_NAME_LENGTH && REPOSITORY.test(text);
}

export function isTag(text: string): boolean {
  return TAG.test(text);
}

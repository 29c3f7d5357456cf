/** What the shell line of bin/strata.js set aside for node's start: programs that are started have it again. */
export function restoreAuthorities(env: NodeJS.ProcessEnv): void {
  const aside = env["STRATA_EXTRA_CA_CERTS"];
  if (env["NODE_EXTRA_CA_CERTS"] === "" && aside !== undefined) env["NODE_EXTRA_CA_CERTS"] = aside;
}

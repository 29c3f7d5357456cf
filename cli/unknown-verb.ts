/** What is said of a verb that strata has not: what is there instead, where that is known, or what was meant. */

/** Docker's, and what does their work. */
const INSTEAD: Readonly<Record<string, string>> = {
  manifest: "'strata registry manifest REFERENCE' prints one of a registry; 'strata build --platform' makes an index of several",
  search: "'strata registry ls HOST' lists the repositories of a registry",
  compose: "'strata deploy' and 'strata apply -f FILE' run what belongs together, of Kubernetes manifests",
  context: "strata has no daemon to choose; --root FOLDER names another store",
  swarm: "'strata up' runs a cluster of this machine",
};
/** Letters that differ. */
const MAX_DISTANCE = 2;

export function unknownVerb(name: string, verbs: readonly string[]): string {
  const instead = Object.hasOwn(INSTEAD, name) ? INSTEAD[name] : undefined;
  const near = similar(name, verbs).map((verb) => `'${verb}'`);
  const more = instead ?? (near.length === 0 ? undefined : `Did you mean ${near.join(" or ")}?`);
  return [`strata: '${name}' is not a strata command`, ...(more === undefined ? [] : [more]), "See 'strata --help'", ""].join("\n");
}

function similar(name: string, verbs: readonly string[]): readonly string[] {
  const ranked = verbs.map((verb) => ({ verb, far: distance(name, verb) }));
  const least = Math.min(...ranked.map(({ far }) => far));
  return least > MAX_DISTANCE || least >= name.length / 2 ? [] : ranked.filter(({ far }) => far === least).map(({ verb }) => verb);
}

/** Letters put in, left out, changed, or swapped with the next: Damerau and Levenshtein's, of neighbours only. */
function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, row) => Array.from({ length: b.length + 1 }, (_, column) => (row === 0 ? column : row)));
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= a.length; row += 1)
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[row - 1] === b[column - 1];
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      rows[row]![column] = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (isSame ? 0 : 1),
        isSwapped ? at(row - 2, column - 2) + 1 : Infinity,
      );
    }
  return at(a.length, b.length);
}

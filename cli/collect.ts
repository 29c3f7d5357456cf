/** For a flag that may be given again and again: commander hands on what came before. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

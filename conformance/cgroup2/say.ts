/** One check's outcome, as a line of JSON that the machine writes and whoever booted it reads. */
export type Say = (what: string, expected: string, found: string, ok?: boolean) => void;

export const say: Say = (what, expected, found, ok = expected === found): void => {
  process.stdout.write(`${JSON.stringify({ what, expected, found: found.trim().replaceAll("\n", "; "), ok })}\n`);
};

/** Checks that belong together; one that throws ends its group only. The heading is of the page. */
export async function part(heading: string, groups: readonly ((to: Say) => Promise<void> | void)[]): Promise<void> {
  process.stdout.write(`${JSON.stringify({ heading })}\n`);
  for (const group of groups) {
    try {
      await group(say);
    } catch (error) {
      say(group.name, "no error", error instanceof Error ? error.message : String(error));
    }
  }
  process.stdout.write("end of checks\n");
}

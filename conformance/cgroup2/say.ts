/** One check's outcome, as a line of JSON that the machine writes and whoever booted it reads. */
export type Say = (what: string, expected: string, found: string, ok?: boolean) => void;

export const say: Say = (what, expected, found, ok = expected === found): void => {
  process.stdout.write(`${JSON.stringify({ what, expected, found: found.trim().replaceAll("\n", "; "), ok })}\n`);
};

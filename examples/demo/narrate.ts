/** One line a step, with what came of it and how long it took. */
const began = performance.now();

export async function step<Result>(title: string, work: () => Promise<Result>, tell: (result: Result) => string): Promise<Result> {
  const start = performance.now();
  const result = await work();
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  process.stdout.write(`${seconds.padStart(6)} s  ${title}\n${indent(tell(result))}`);
  return result;
}

export function totalSeconds(): number {
  return (performance.now() - began) / 1000;
}

function indent(text: string): string {
  return text === "" ? "" : `${text.replace(/^/gm, "          ")}\n`;
}

/**
 * Runs one case on all who take part, interleaved, so that what else the machine does hits all alike. Short phases come first, in turns:
 * a hundred containers that went keep the kernel at work for seconds.
 */
import { setTimeout } from "node:timers/promises";
import { SECONDS, type Case, type Contestant, type Phase, type Place } from "./case.ts";

/** What the one before left behind it ends meanwhile: a daemon cleans up, the kernel takes namespaces apart. */
const REST_MS = 300;

/** The figures of every run, by phase and contestant. */
export type Samples = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;

export interface MeasureOptions {
  readonly place: Place;
  readonly rounds: number;
  readonly onRun: (line: string) => void;
}

export async function measure(one: Case, { place, rounds, onRun }: MeasureOptions): Promise<Samples> {
  const contestants = await one.open(place);
  const samples = new Map(one.phases.map((phase) => [phase.name, new Map<string, number[]>(contestants.map(({ name }) => [name, []]))]));
  const sample = async (contestant: Contestant, phase: Phase, round: number, of: number): Promise<void> => {
    const figure = await contestant.measure(phase, round);
    samples.get(phase.name)?.get(contestant.name)?.push(figure);
    onRun(`${one.name} ${phase.name}, ${round + 1} of ${of}: ${contestant.name} ${figure.toFixed(3)} ${(phase.unit ?? SECONDS).name}`);
  };
  for (const phase of one.phases) {
    const turns = rounds * (phase.turns ?? 0);
    for (let turn = 0; turn < turns; turn++) {
      for (const contestant of rotate(contestants, turn)) {
        await setTimeout(REST_MS);
        await sample(contestant, phase, turn, turns);
      }
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const contestant of rotate(contestants, round)) {
      await contestant.reset();
      for (const phase of one.phases) if (phase.turns === undefined) await sample(contestant, phase, round, rounds);
    }
  }
  for (const contestant of contestants) await contestant.reset(); // room for the next case
  return samples;
}

function rotate(items: readonly Contestant[], by: number): readonly Contestant[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

import type { Cost } from "./measure.ts";

/** One of those that are compared. */
export interface Contestant {
  readonly name: string;
  readonly run: () => Promise<Cost>;
  /** Clears away what a run has left; not measured. */
  readonly tidy?: () => Promise<void>;
}

/** The costs of each contestant by name, in the order of the rounds. */
export type Rounds = ReadonlyMap<string, readonly Cost[]>;

/** Runs all contestants once a round, each round in the other direction, so that none always follows the same one. */
export async function runRounds(count: number, contestants: readonly Contestant[]): Promise<Rounds> {
  const costs = new Map<string, Cost[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < count; round++) {
    for (const { name, run, tidy } of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const cost = await run();
      costs.get(name)?.push(cost);
      console.error(`round ${round + 1}/${count}: ${name}: ${(cost.wallMs / 1000).toFixed(2)} s`);
      await tidy?.();
    }
  }
  return costs;
}

/** What one contestant took of what another took, round by round: `[name, of]`. */
export function ratios(rounds: Rounds, [name, of]: readonly [string, string], value: (cost: Cost) => number): number[] {
  const others = rounds.get(of) ?? [];
  return (rounds.get(name) ?? []).map((cost, round) => value(cost) / value(others[round] ?? cost));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

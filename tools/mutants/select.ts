import { createHash } from "node:crypto";
import type { Mutant } from "./mutant.ts";

/** Those that the words name, by id or by area; all for no word. Throws when a word names none. */
export function selectNamed(mutants: readonly Mutant[], words: readonly string[]): readonly Mutant[] {
  if (words.length === 0) return mutants;
  const names = (word: string, { id }: Mutant): boolean => id === word || id.startsWith(`${word}/`);
  const unknown = words.find((word) => !mutants.some((mutant) => names(word, mutant)));
  if (unknown !== undefined) throw new Error(`there is no mutant and no area "${unknown}": see --list`);
  return mutants.filter((mutant) => words.some((word) => names(word, mutant)));
}

/** So many of them, always the same for a seed, and in time all of them as the seed changes. */
export function sample(mutants: readonly Mutant[], size: number, seed: string): Mutant[] {
  const lot = ({ id }: Mutant): string => createHash("sha256").update(`${seed} ${id}`).digest("hex");
  const drawn = new Set(mutants.toSorted((a, b) => (lot(a) < lot(b) ? -1 : 1)).slice(0, size));
  return mutants.filter((mutant) => drawn.has(mutant));
}

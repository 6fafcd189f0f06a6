import type { ObjectStore } from "../ports/object-store.ts";
import type { Catalog } from "./catalog.ts";

/** A store that every backup goes to, with what is known of its contents. */
export interface Destination {
  readonly store: ObjectStore;
  readonly catalog: Catalog;
}

/** What came of one destination: a value, or the reason why there is none. */
export type Outcome<Value> =
  | { readonly destination: Destination; readonly value: Value; readonly error?: never }
  | { readonly destination: Destination; readonly error: unknown };

/** Runs `operation` on each destination at the same time, so that one that fails does not stop the others. */
export async function onEach<In extends { readonly destination: Destination }, Out>(
  inputs: readonly In[],
  operation: (input: In) => Promise<Out>,
): Promise<Outcome<Out>[]> {
  return await Promise.all(
    inputs.map(async (input) => {
      try {
        return { destination: input.destination, value: await operation(input) };
      } catch (error) {
        return { destination: input.destination, error };
      }
    }),
  );
}

/** The values of those that have one. */
export function valuesOf<Value>(outcomes: readonly Outcome<Value>[]): Value[] {
  return outcomes.flatMap((outcome) => ("value" in outcome ? [outcome.value] : []));
}

/** Those that have none. */
export function failuresOf(outcomes: readonly Outcome<unknown>[]): { destination: Destination; error: unknown }[] {
  return outcomes.flatMap((outcome) => ("value" in outcome ? [] : [outcome]));
}

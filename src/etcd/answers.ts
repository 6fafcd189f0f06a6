export interface Asking {
  /** Takes the errors of those that do not answer. */
  readonly failures: unknown[];
  readonly signal: AbortSignal;
}

/**
 * Asks all at once, and yields their answers in the order of `asked`, whichever comes first: so the best is known as
 * soon as it answers, and those that are silent cost their time-out once. Whoever stops reading ends the other questions.
 */
export async function* answersOf<Asked, Answer>(
  asked: readonly Asked[],
  ask: (one: Asked, signal: AbortSignal) => Promise<Answer>,
  { failures, signal }: Asking,
): AsyncGenerator<Answer> {
  const enough = new AbortController();
  const either = AbortSignal.any([signal, enough.signal]);
  const answers = asked.map(async (one) => {
    try {
      return { answer: await ask(one, either) };
    } catch (error) {
      failures.push(error);
      return undefined;
    }
  });
  try {
    for (const coming of answers) {
      const came = await coming;
      if (came) yield came.answer;
    }
  } finally {
    enough.abort();
  }
}

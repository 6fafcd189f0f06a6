/** Maps `inputs` with at most `limit` calls under way, keeping their order. Rejects with the first failure. */
export async function mapLimit<In, Out>(
  inputs: readonly In[],
  limit: number,
  map: (input: In) => Promise<Out>,
): Promise<Out[]> {
  const outputs: Out[] = [];
  const queue = inputs.entries();
  const work = async (): Promise<void> => {
    for (const [index, input] of queue) outputs[index] = await map(input);
  };
  await Promise.all(Array.from({ length: Math.min(limit, inputs.length) }, work));
  return outputs;
}

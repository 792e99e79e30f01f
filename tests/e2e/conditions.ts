/** Waiting for what should come true, and not a moment longer. */

/** The outcome, or an error that says what did not happen in time. */
export async function within<T>(
  ms: number,
  work: Promise<T>,
  what: () => string,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Not within ${ms} ms: ${what()}`)), ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again, without rest for the asked but with a breath between, until the answer is given. */
export async function eventually<T>(
  ms: number,
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + ms;
  while (true) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`Not within ${ms} ms: ${what}`);
    await breath();
  }
}

function breath(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

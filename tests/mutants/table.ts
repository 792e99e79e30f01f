/** Hunts in every broken engine, two at a time, and prints what caught it. */
import { hunt, type Result } from "./workshop.ts";
import { type Variant, VARIANTS } from "./variants.ts";

export interface Caught {
  readonly variant: string;
  readonly result: Result;
}

export const UNBROKEN = "(the engine as it is)";

/** The engine as it is comes first. */
export async function huntAll(
  say: (line: string) => void,
  chosen: readonly Variant[] = VARIANTS,
): Promise<Caught[]> {
  const waiting: (Variant | undefined)[] = [undefined, ...chosen];
  const found = new Map<Variant | undefined, Caught>();
  const work = async () => {
    while (waiting.length > 0) {
      const variant = waiting.shift();
      const caught = {
        variant: variant?.name ?? UNBROKEN,
        result: await hunt(variant),
      };
      found.set(variant, caught);
      say(lineOf(caught));
    }
  };
  await Promise.all([work(), work()]);
  return [undefined, ...VARIANTS].flatMap((variant) => found.get(variant) ?? []);
}

function lineOf({ variant, result: { by, states, seconds } }: Caught): string {
  const end = by === null ? "nothing found" : `caught by ${by}`;
  return `${variant.padEnd(62)} ${end.padEnd(40)} after ${states} states, ${seconds} s`;
}

if (import.meta.main) {
  const [only = ""] = Deno.args;
  await huntAll(console.log, VARIANTS.filter(({ name }) => name.includes(only)));
}

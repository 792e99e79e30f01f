/** The sink of a simulation: it fails at times, and it is known what came to lie in it. */
import { RamSink } from "./ram_sink.ts";
import type { SimulationClock } from "./simulation_clock.ts";
import type { Faults } from "./simulation_faults.ts";
import type { Model } from "./simulation_model.ts";

export class ToldSink extends RamSink {
  readonly #model: Model;
  /** The same files, for who must not fail. */
  readonly calm: RamSink;

  constructor(clock: SimulationClock, faults: Faults, model: Model) {
    super({ now: () => clock.now(), fault: (_, name) => faults.sink(name) });
    this.#model = model;
    this.calm = new RamSink({ now: () => clock.now() });
  }

  override async put(
    name: string,
    pieces: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): ReturnType<RamSink["put"]> {
    const entry = await super.put(name, pieces, signal);
    const file = this.files.get(name);
    if (file !== undefined) this.calm.files.set(name, file);
    const [slug = "", life = "", id = ""] = name.split(/\/|\./);
    if (name.endsWith(".manifest")) this.#model.backedUp(slug, life, id);
    return entry;
  }

  override async delete(name: string, signal: AbortSignal): Promise<void> {
    await super.delete(name, signal);
    this.calm.files.delete(name);
  }
}

/** A disk of the simulated cluster: what a PersistentVolume stands for, and what lies on it. */
export class SimulatedVolume {
  /** The PersistentVolume's. */
  readonly name: string;
  readonly uid: string;
  /** Whatever a fake brain keeps there. A snapshot and what is made from it are deep copies. */
  data: unknown = undefined;
  sizeBytes: number;
  /** Why and when the disk went, in words; undefined while it is there. */
  destroyed: string | undefined;
  /** The uids of pods whose processes have it mounted now: never more than one. */
  readonly mountedBy = new Set<string>();

  constructor(name: string, uid: string, sizeBytes: number) {
    this.name = name;
    this.uid = uid;
    this.sizeBytes = sizeBytes;
  }
}

/**
 * A real file system in a file, whose power can be cut: what was not yet written to its device at
 * that moment is lost, as it is when a machine goes dark. Linux, root, loop devices and mkfs only.
 *
 * The cut is the ioctl FS_IOC_SHUTDOWN: from then on nothing reaches the device, and every call
 * fails. A mount afterwards replays the file system's own journal, as one does after a power cut.
 */
import assert from "node:assert/strict";
import { eventually } from "./conditions.ts";

export const KINDS = ["ext4", "xfs"] as const;
export type Kind = typeof KINDS[number];

/** Whether the file system's own journal still gets what was committed to it in memory. */
const FLAGS = { logFlushed: 1, nothingFlushed: 2 } as const;
export type Cut = keyof typeof FLAGS;

/** XFS takes no less than 300 MB; the file is sparse. */
const BYTES = 512 * 1024 * 1024;

/** Waits for the flags, so that the cut comes at once when it is told; without them, none comes. */
const SWITCH = `sysopen(my $folder, $ARGV[0], 0) or die "open: $!";
my $line = <STDIN> // exit;
my $flags = pack("L", $line);
ioctl($folder, 0x8004587d, $flags) or die "ioctl: $!";`;

export class TestDisk implements AsyncDisposable {
  readonly folder: string;
  readonly #image: string;
  readonly #options: string;
  #isMounted = false;
  #switch: Deno.ChildProcess | undefined;

  private constructor(folder: string, image: string, options: string) {
    this.folder = folder;
    this.#image = image;
    this.#options = options;
  }

  /** Made in this folder, and mounted there as `disk`. */
  static async make(kind: Kind, parent: string, options = ""): Promise<TestDisk> {
    const image = `${parent}/${kind}.image`;
    const folder = `${parent}/disk`;
    await Deno.writeFile(image, new Uint8Array());
    await Deno.truncate(image, BYTES);
    await Deno.mkdir(folder);
    await run(`mkfs.${kind}`, "-q", image);
    const disk = new TestDisk(folder, image, ["loop", options].filter((one) => one).join(","));
    await disk.#mount();
    return disk;
  }

  async #mount(): Promise<void> {
    await run("mount", "-o", this.#options, this.#image, this.folder);
    this.#isMounted = true;
    this.#switch = new Deno.Command("perl", { args: ["-e", SWITCH, this.folder], stdin: "piped" })
      .spawn();
  }

  async cutPower(cut: Cut): Promise<void> {
    const code = await this.#turn(`${FLAGS[cut]}\n`);
    assert.equal(code, 0, "the power is cut");
  }

  async #turn(line: string): Promise<number | undefined> {
    const lever = this.#switch;
    this.#switch = undefined;
    const writer = lever?.stdin.getWriter();
    if (line !== "") await writer?.write(new TextEncoder().encode(line));
    await writer?.close();
    return (await lever?.status)?.code;
  }

  /** The power is back; whoever used the disk must be gone by now. */
  async restart(): Promise<void> {
    await this.#turn("");
    await eventually(10_000, "nobody uses the disk", async () => {
      return await isDone("umount", this.folder) || undefined;
    });
    this.#isMounted = false;
    await this.#mount();
  }

  /** Lazily: a process that a failed test left behind is ended later, and lets go of it then. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn("");
    if (this.#isMounted) await run("umount", "--lazy", this.folder);
    await Deno.remove(this.#image);
    await Deno.remove(this.folder);
  }
}

/** Why there is no such disk to be had here; undefined where there is. */
export async function whyNoDisk(kind: Kind): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "needs Linux";
  if (Deno.uid() !== 0) return "needs root";
  const parent = await Deno.makeTempDir({ prefix: "second-brain-probe-" });
  try {
    await using disk = await TestDisk.make(kind, parent);
    await disk.cutPower("nothingFlushed");
    await disk.restart();
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `needs mkfs.${kind}, mount and perl`;
    return `needs loop devices and a kernel that knows ${kind}`;
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  assert.ok(success, `${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

async function isDone(command: string, ...args: string[]): Promise<boolean> {
  return (await new Deno.Command(command, { args }).output()).success;
}

/**
 * Engines that are broken on purpose, each by changing a few words of the real one. A text that is
 * not found exactly once in its file is an error: so no variant can fall behind the engine.
 */
export interface Edit {
  /** Under `src/store/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface Variant {
  readonly name: string;
  readonly edits: readonly Edit[];
}

function variant(name: string, ...edits: (readonly [file: string, from: string, to: string])[]) {
  return { name, edits: edits.map(([file, from, to]) => ({ file, from, to })) };
}

const DROP = "    await dropJournals(folder, plan.dropBelow);\n";
const RENAME = "    await fs.rename(fresh, memories);\n    await fs.syncFolder(folder.root);\n";

export const VARIANTS: readonly Variant[] = [
  variant(
    "the journal is not synced",
    [
      "journal.ts",
      "    await this.#file.sync();\n    this.#bytes += written;",
      "    this.#bytes += written;",
    ],
  ),
  variant(
    "a new journal's name is not synced",
    [
      "journal.ts",
      "    name = path;\n    await fs.syncFolder(journal);",
      "    name = path;",
    ],
  ),
  variant(
    "a new journal has its name before its header is synced",
    [
      "journal.ts",
      "    await writeAll(file, bytes);\n    await file.sync();",
      "    await writeAll(file, bytes);",
    ],
  ),
  variant(
    "what stands behind a hole is not carried over",
    [
      "active_journal.ts",
      "const { lines, sums } = await this.#encode(carried);",
      "const lines = new Uint8Array(0), sums: number[] = [];",
    ],
  ),
  variant(
    "it is carried over once the new journal has its name",
    [
      "active_journal.ts",
      "    this.#writer = await this.#newFile(nextGeneration, last, said, lines);",
      "    this.#writer = await this.#newFile(nextGeneration, last);\n    await this.#writer.write(lines);\n    await this.#writer.sync(lines.length);",
    ],
  ),
  variant(
    "what was read is not made durable",
    ["recovery.ts", "  if (before !== undefined) await syncFile(folder.fs, before.path);\n", ""],
  ),
  variant(
    "a file without a header counts as one without records",
    [
      "recovery.ts",
      "bare: first?.bytes === size,",
      "bare: first === undefined || first.bytes === size,",
    ],
  ),
  variant(
    "the snapshot's rename is not synced",
    ["compaction.ts", RENAME, "    await fs.rename(fresh, memories);\n"],
  ),
  variant(
    "the snapshot is not synced before its rename",
    ["snapshot.ts", "    await text.flush();\n    await file.sync();", "    await text.flush();"],
  ),
  variant(
    "old journals go before the rename",
    [
      "compaction.ts",
      RENAME + DROP,
      `    await dropJournals(folder, plan.mark.generation);\n${RENAME}`,
    ],
  ),
  variant(
    "what is new is appended behind a torn tail",
    [
      "active_journal.ts",
      "  type JournalWriter,\n",
      "  JournalWriter,\n",
    ],
    [
      "active_journal.ts",
      "    this.#writer = await this.#newFile(nextGeneration, last, said, lines);",
      "    if (last === undefined) this.#writer = await this.#newFile(nextGeneration, last);\n" +
      '    else { const { fs, journal } = this.#folder; this.#writer = new JournalWriter(await fs.open(`${journal}/${String(last.generation).padStart(6, "0")}.log`), last.generation, last.bytes); }',
    ],
  ),
  variant(
    "a short write is taken for a whole one",
    ["fs.ts", "    done += written;", "    done = bytes.length;"],
  ),
  variant(
    "a failed fsync is ignored",
    [
      "journal.ts",
      "    await this.#file.sync();\n    this.#bytes += written;",
      "    await this.#file.sync().catch(() => {});\n    this.#bytes += written;",
    ],
  ),
  variant(
    "what a full disk took of a write is not cut off",
    ["active_journal.ts", "      await writer.rollBack();\n", ""],
  ),
  variant(
    "it is cut off, but that is not synced",
    ["journal.ts", "    await this.cut();\n    await this.#file.sync();", "    await this.cut();"],
  ),
  variant(
    "checksums are not checked",
    ["journal.ts", " || Number.parseInt(sum, 16) !== crc32(bytes.subarray(9))", ""],
  ),
  variant(
    "a change is acknowledged before the fsync",
    [
      "group_commit.ts",
      "      written = await this.#options.journal.append(",
      "      await this.#applyBatch(admitted, admitted.map((_, seq) => ({ seq, sum: 0 })));\n      written = await this.#options.journal.append(",
    ],
  ),
  variant(
    "a change is visible before the fsync",
    [
      "group_commit.ts",
      "      written = await this.#options.journal.append(",
      "      for (const { change } of admitted) if (change !== undefined) this.#options.apply(change, { seq: 0, sum: 0 });\n      written = await this.#options.journal.append(",
    ],
  ),
  variant(
    "the snapshot is written in place",
    [
      "compaction.ts",
      "  const fresh = `${memories}.tmp`;\n  const aside",
      "  const fresh = memories;\n  const aside",
    ],
  ),
  variant(
    "all that there is is replayed, also what the snapshot holds",
    ["generation.ts", "    if (line.seq <= afterSeq) return;\n", ""],
    ["recovery.ts", "all.filter(({ generation }) => generation >= mark.generation)", "all"],
  ),
  variant(
    "the commit of an import is not waited for",
    ["staged_import.ts", "    commit: () => write(", "    commit: async () => void write("],
  ),
  variant(
    "an import is applied as it is staged",
    [
      "import_units.ts",
      "    for (const change of changes) this.#changes.push(change);",
      "    for (const change of changes) { this.#changes.push(change); this.#state.apply(change); }",
    ],
  ),
  variant(
    "a line's place in its batch is not looked at",
    [
      "generation.ts",
      "  if (torn !== undefined && mayBeTorn)",
      "  if (torn !== undefined && torn.records < 0)",
    ],
  ),
  variant(
    "what a header says of the file before it is not looked at",
    [
      "recovery.ts",
      "previous?.generation === generation.generation ? previous.bytes : undefined",
      "undefined",
    ],
  ),
  variant(
    "the folder is used without its lock",
    ["holding.ts", "    if (this.#lock === undefined) throw locked();\n", ""],
  ),
  variant(
    "after a failed fsync the same file is written on",
    [
      "file.ts",
      "      await this.#snapshot(await this.#beginFile());\n    } catch (error) {\n      if (this.#mode",
      "      await this.requireFolder();\n    } catch (error) {\n      if (this.#mode",
    ],
  ),
  variant(
    "what a failed fsync gave up is left to be read",
    ["active_journal.ts", "      await writer.cut().catch(() => {});", ""],
  ),
  variant(
    "receipts are left out of the snapshot",
    ["snapshot.ts", "    await addAll(encoded(state.receipts(writtenAt), encodeReceipt));\n", ""],
  ),
];

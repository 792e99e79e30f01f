/** What an import reads of a folder or an archive: never anything outside. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { ZipWriter } from "@zip.js/zip.js/lib/zip-core-native.js";
import { sourceFiles } from "../src/cli/source_files.ts";
import { CommandError } from "../src/cli/terminal.ts";
import { realTerminal } from "../src/cli/console.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Read {
  readonly files: Record<string, string>;
  readonly told: string[];
}

async function read(path: string, opensArchives = false): Promise<Read> {
  const files: Record<string, string> = {};
  const told: string[] = [];
  const tell = (where: string, reason: string, isFault = false) =>
    void told.push(`${where} ${reason}${isFault ? "!" : ""}`);
  const { readPieces } = realTerminal;
  for await (const file of sourceFiles(path, { readPieces, tell, opensArchives })) {
    const bytes = await Array.fromAsync(file.pieces());
    files[file.path] = await new Blob(bytes.map((piece) => new Uint8Array(piece))).text();
  }
  return { files, told };
}

type Member = readonly [name: string, text: string, options?: object];

async function archive(path: string, members: readonly Member[]): Promise<void> {
  const bytes = new TransformStream<Uint8Array, Uint8Array>();
  const written = new Response(bytes.readable).bytes();
  const zip = new ZipWriter(bytes.writable, { useWebWorkers: false });
  for (const [name, text, options] of members) {
    await zip.add(name, new Blob([text]).stream(), { useWebWorkers: false, ...options });
  }
  await zip.close();
  await Deno.writeFile(path, await written);
}

Deno.test("of a folder its files are read, in order; no link, nothing hidden, no archive", async () => {
  await inFolder(async (folder) => {
    const vault = join(folder, ".vault");
    for (const path of ["b/c", ".obsidian", "__MACOSX"]) {
      await Deno.mkdir(join(vault, path), { recursive: true });
    }
    for (
      const path of [
        "b.md",
        "a.md",
        "b/c/d.md",
        ".obsidian/x.md",
        "__MACOSX/x.md",
        "e.zip",
        ".f.md",
      ]
    ) {
      await Deno.writeTextFile(join(vault, path), path);
    }
    await Deno.writeTextFile(join(folder, "secret"), "secret");
    await Deno.symlink(join(folder, "secret"), join(vault, "link.md"));
    await Deno.symlink(folder, join(vault, "out"));
    const { files, told } = await read(vault);
    assert.deepEqual(Object.entries(files), [["a.md", "a.md"], ["b/c/d.md", "b/c/d.md"], [
      "b.md",
      "b.md",
    ]]);
    assert.deepEqual(told, [
      "e.zip is an archive, to be imported by itself",
      "link.md is a link",
      "out is a link",
    ]);
    assert.deepEqual((await read(join(vault, "a.md"))).files, { "a.md": "a.md" });
    await assert.rejects(
      read(join(vault, "none")),
      /^CommandError: Cannot read ".*none": there is no/,
    );
  });
});

Deno.test("of a folder what cannot be read is named, and holds the others up no longer", async () => {
  await inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "c"));
    for (const name of ["a.md", "b.md", "c/d.md", "e.md"]) {
      await Deno.writeTextFile(join(folder, name), name);
    }
    const told: unknown[] = [];
    const options = {
      readPieces: realTerminal.readPieces,
      tell: (...said: unknown[]) => void told.push(said),
      opensArchives: false,
    };
    const paths: string[] = [];
    for await (const { path } of sourceFiles(folder, options)) {
      paths.push(path);
      if (path !== "a.md") continue;
      // A name that is not UTF-8 cannot be opened by it either.
      await Deno.remove(join(folder, "b.md"));
      await Deno.remove(join(folder, "c"), { recursive: true });
    }
    const reason = "cannot be read: there is no such file or folder";
    assert.deepEqual(paths, ["a.md", "e.md"]);
    assert.deepEqual(told, [["b.md", reason, true], ["c", reason, true]]);
  });
});

Deno.test("of a folder what lies too deep is named", async () => {
  await inFolder(async (folder) => {
    const deep = Array.from({ length: 64 }, () => "a").join("/");
    await Deno.mkdir(join(folder, deep), { recursive: true });
    await Deno.writeTextFile(join(folder, dirname(deep), "b.md"), "b");
    await Deno.writeTextFile(join(folder, deep, "c.md"), "c");
    const { files, told } = await read(folder);
    assert.deepEqual([files, told], [{ [`${dirname(deep)}/b.md`]: "b" }, [
      `${deep} lies too deep`,
    ]]);
  });
});

Deno.test("a file is known by its folder, and is no younger than its last change", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "vault", "a.md");
    await Deno.mkdir(join(folder, "vault"));
    await Deno.writeTextFile(path, "x");
    const [copied, changed] = [new Date("2020-01-02T03:04:05Z"), new Date("2099-01-01T00:00:00Z")];
    const options = {
      readPieces: realTerminal.readPieces,
      tell: assert.fail,
      opensArchives: false,
    };
    await Deno.utime(path, 0, 0);
    const [unset] = await Array.fromAsync(sourceFiles(path, options));
    assert.deepEqual([unset?.modifiedAt, unset?.createdAt], [undefined, undefined]);
    for (const mtime of [copied, changed]) {
      await Deno.utime(path, mtime, mtime);
      const found = [
        ...await Array.fromAsync(sourceFiles(join(folder, "vault"), options)),
        ...await Array.fromAsync(sourceFiles(path, options)),
      ].map(({ pieces: _, createdAt: __, ...file }) => file);
      const file = { path: "a.md", collection: "vault", modifiedAt: mtime.toISOString() };
      assert.deepEqual(found, [{ ...file, isOnly: false }, { ...file, isOnly: true }]);
      const [{ createdAt = "" } = {}] = await Array.fromAsync(sourceFiles(path, options));
      assert.ok(mtime === copied ? createdAt === file.modifiedAt : createdAt < file.modifiedAt);
    }
  });
});

Deno.test("of an archive its files are read, large ones in pieces, and no link", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.zip");
    const large = "conversation ".repeat(200_000);
    await archive(path, [
      ["data/conversations.json", large],
      ["stored.txt", "stored", { level: 0 }],
      ["ümläut/🙂.md", "x"],
      ["__MACOSX/x.md", "x"],
      [".hidden/x.md", "x"],
      ["folder/", "", { directory: true }],
      ["link.md", "/etc/passwd", { unixMode: 0o120777 }],
    ]);
    const { files, told } = await read(path);
    assert.deepEqual(files, {
      "data/conversations.json": large,
      "stored.txt": "stored",
      "ümläut/🙂.md": "x",
    });
    assert.deepEqual(told, ["link.md is no file"]);
    const all = Object.entries(files).map(([name, text]) => [`a.zip/${name}`, text]);
    assert.deepEqual((await read(folder, true)).files, Object.fromEntries(all));
  });
});

Deno.test("an archive's names are read as any archiver wrote them, and a clock that was never set is none", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.zip");
    const unset = { lastModDate: new Date(1980, 0, 1), extendedTimestamp: false };
    const set = { lastModDate: new Date(2026, 0, 31, 12), extendedTimestamp: false };
    await archive(path, [
      ["./notes/a.md", "a", unset],
      ["vault\\b.md", "b", set],
      ["vault\\.obsidian\\x.md", "x", set],
      ["vault\\empty\\", "", set],
      ["./.hidden", "x", set],
      ["c/./d.md", "d", set],
    ]);
    const options = { readPieces: realTerminal.readPieces, tell: assert.fail, opensArchives: true };
    const found = await Array.fromAsync(sourceFiles(path, options));
    const at = set.lastModDate.toISOString();
    assert.deepEqual(
      found.map(({ path, createdAt, modifiedAt }) => [path, createdAt, modifiedAt]),
      [
        ["notes/a.md", undefined, undefined],
        ["vault/b.md", at, at],
        ["c/d.md", at, at],
      ],
    );
    assert.deepEqual((await read(path)).files, {
      "notes/a.md": "a",
      "vault/b.md": "b",
      "c/d.md": "d",
    });
  });
});

Deno.test("an archive of a folder is that folder, and another name tells two folders of one name apart", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "vault.zip");
    await Deno.mkdir(join(folder, "vault/b"), { recursive: true });
    const names = ["a.md", "b/c.md"];
    for (const name of names) await Deno.writeTextFile(join(folder, "vault", name), name);
    const options = {
      readPieces: realTerminal.readPieces,
      tell: assert.fail,
      opensArchives: false,
    };
    const found = async (path: string, collection?: string) =>
      (await Array.fromAsync(sourceFiles(path, { ...options, collection })))
        .map(({ path, collection }) => [path, collection]);
    const all = names.map((name) => [name, "vault"]);
    assert.deepEqual(await found(join(folder, "vault")), all);
    await archive(path, [...names, "../__MACOSX/x"].map((name) => [join("vault", name), name]));
    assert.deepEqual(await found(path), all);
    await archive(path, [["vault/a.md", "a"], ["b.md", "b"]]);
    assert.deepEqual(await found(path), [["vault/a.md", "vault"], ["b.md", "vault"]]);
    for (const one of [path, join(folder, "vault"), join(folder, "vault/a.md")]) {
      const [[, collection] = []] = await found(one, "home");
      assert.equal(collection, "home");
    }
  });
});

Deno.test("an archive that leads out of itself, is damaged, locked or none is refused in one line", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.zip");
    const out = "../../evil.md";
    await archive(path, [["x".repeat(out.length), "cedar posts", { level: 0 }]]);
    const bytes = await Deno.readFile(path);
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    const evil = text.replaceAll("x".repeat(out.length), out);
    const damaged = text.replace("cedar", "pines");
    await archive(join(folder, "locked.zip"), [["a.md", "x", { password: "p" }]]);
    const locked = await Deno.readFile(join(folder, "locked.zip"));
    const cases: readonly (readonly [string | Uint8Array, RegExp])[] = [
      [evil, /it is no zip archive that can be read \(.*filename.*\)$/i],
      [text.slice(0, -60), /it is no zip archive that can be read \(.*\)$/],
      ["", /it is no zip archive that can be read \(.*\)$/],
      [damaged, /in it is damaged \(.*\)$/],
      [locked, /"a\.md" in it has a password$/],
    ];
    for (const [content, reason] of cases) {
      const all = typeof content === "string"
        ? Uint8Array.from(content, (c) => c.charCodeAt(0))
        : content;
      await Deno.writeFile(path, all);
      await assert.rejects(read(path), (error) => {
        assert.ok(error instanceof CommandError, String(error));
        assert.match(error.message, /^Cannot read "[^"]*a\.zip": [^\n]*$/);
        assert.match(error.message, reason);
        return true;
      });
    }
  });
});

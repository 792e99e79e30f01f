/** The real program on a volume as it is mounted: read-only, or with nothing allowed but files. */
import assert from "node:assert/strict";
import { Disk, withMounts } from "./disk.ts";
import { Ledger } from "./ledger.ts";
import { KEY, Place } from "./program.ts";

Deno.test({
  name:
    `a read-only volume ends a start with 73 and one line, and is served once it is writable${withMounts.suffix}`,
  ignore: withMounts.ignore,
  async fn() {
    await using place = new Place();
    await using disk = await Disk.tmpfs(place, 16);
    const ledger = new Ledger();
    await disk.remountWith("ro");
    const env = { ...disk.env, PORT: "0", CONTAINER_API_KEY: KEY };
    const refused = await place.run([], { env });
    await disk.remountWith("rw,noexec,nosuid,nodev");
    const first = await place.serve(disk.env);
    for (let i = 0; i < 10; i++) assert.equal(await ledger.create(first), 201);
    assert.equal((await first.stop()).code, 0);
    // With data on it, too.
    await disk.remountWith("ro");
    const again = await place.run([], { env });
    for (const { code, err, out } of [refused, again]) {
      assert.equal(code, 73, err);
      assert.match(err, /^Cannot use the data folder \(EROFS\)[^\n]+\n$/);
      assert.equal(out, "");
    }
    await disk.remountWith("rw");
    const next = await place.serve(disk.env);
    assert.equal(next.event("recovery"), undefined);
    await ledger.check(next);
    assert.equal((await next.stop()).code, 0);
  },
});

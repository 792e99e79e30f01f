/** What a walk remembers of memories that moved since it began, and for how long. */
import assert from "node:assert/strict";
import { Walks } from "../src/walks.ts";
import { idOf } from "./fakes/store_kit.ts";
import { noted } from "./noted.ts";

function move(walks: Walks, n: number, access_count: number): void {
  const access = { access_count, last_accessed_at: null };
  walks.moving({ memory: noted(idOf(n), "x", { importance_score: n / 10 }), access });
}

Deno.test("a walk knows where each memory stood when it began, not where it went since", () => {
  const walks = new Walks("run");
  move(walks, 1, 0);
  const walk = walks.begin();
  assert.deepEqual(walks.resume(walk, "access_count"), new Map());
  move(walks, 1, 1);
  move(walks, 2, 5);
  move(walks, 1, 2);
  const later = walks.begin();
  assert.deepEqual(walks.resume(walk, "access_count"), new Map([[idOf(1), 1], [idOf(2), 5]]));
  assert.deepEqual(
    walks.resume(walk, "importance_score"),
    new Map([[idOf(1), 0.1], [idOf(2), 0.2]]),
  );
  assert.deepEqual(walks.resume(later, "access_count"), new Map());
});

Deno.test("a walk is forgotten after many moves, and unknown to another run", () => {
  const walks = new Walks("run");
  const walk = walks.begin();
  for (let n = 0; n < 39_999; n++) move(walks, n % 7, n);
  const late = walks.begin();
  assert.deepEqual(walks.resume(walk, "access_count")?.get(idOf(3)), 3);
  move(walks, 1, 0);
  assert.equal(walks.resume(walk, "access_count"), undefined);
  assert.deepEqual(walks.resume(late, "access_count"), new Map([[idOf(1), 0]]));
  assert.equal(new Walks("another").resume(late, "access_count"), undefined);
  for (const odd of ["", "run.x", "run.-1", "run.99999999", "other.0"]) {
    assert.equal(walks.resume(odd, "access_count"), undefined, odd);
  }
});

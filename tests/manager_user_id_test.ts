/** Users' ids and their slugs: any text is fit for a cluster, always the same, and no two meet. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { ManagerError } from "../src/manager/errors.ts";
import { namespaceOf, slugOf } from "../src/manager/user_id.ts";
import { seed } from "./fakes/store_kit.ts";

fc.configureGlobal({ seed, numRuns: 1_000 });

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Kept for ever: another slug would be another user, and his memories out of reach. */
const SLUGS: readonly (readonly [string, string])[] = [
  ["ada", "ada"],
  ["123", "123"],
  ["7", "7"],
  ["user-1", "user-1"],
  ["a".repeat(40), "a".repeat(40)],
  ["a".repeat(41), `${"a".repeat(40)}--yd4l2tn4fmga`],
  ["Ada", "ada--tgswhkzpnyq6"],
  ["ada@example.com", "ada-example-com--wx6ilzkxkx46"],
  ["a--b", "a-b--scbhulswgyni"],
  ["--", "user--3akwxlqmijb5"],
  ["\u00e9", "user--jkmvk7sagpbv"],
  ["XN", "user-xn--tzwej3pbtxi2"],
  ["kube-system", "kube-system"],
];

Deno.test("a slug is the id where that can be one, else a cleaned form and a digest", () => {
  const found = SLUGS.map(([id]) => [id, slugOf(id)]);
  assert.deepEqual(found, SLUGS);
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["", /it is empty/],
  ["x".repeat(257), /more than 256 bytes/],
  ["\u00e9".repeat(129), /more than 256 bytes/],
  ["a\nb", /control characters/],
  ["a\u0000", /control characters/],
  ["a\u0085b", /control characters/],
  ["a\u007f", /control characters/],
  ["a\ud800", /a half of a pair/],
  [".", /no address can have it/],
  ["..", /no address can have it/],
];

Deno.test("an id that nobody could write, or that an address cannot hold, is refused with a reason", () => {
  for (const [id, message] of REFUSED) {
    assert.throws(() => slugOf(id), (error) => {
      assert.ok(error instanceof ManagerError);
      assert.equal(error.code, "invalid_user_id");
      assert.match(error.message, /^Cannot take this user id: /);
      assert.match(error.message, message);
      return true;
    }, JSON.stringify(id));
  }
});

/** Also ids that are slugs already, or nearly: there two could meet. */
const ids = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 64 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom("a", "b", "A", "-", ".", "7", "@"),
    minLength: 1,
    maxLength: 60,
  }),
  fc.tuple(
    fc.constantFrom("a", "ab", "user"),
    fc.string({ unit: fc.constantFrom("a", "2"), minLength: 12, maxLength: 12 }),
  )
    .map((parts) => parts.join("--")),
).filter((id) => new TextEncoder().encode(id).length <= 256)
  .filter((id) => !/\p{Cc}/u.test(id) && id !== "." && id !== "..");

Deno.test("a slug is a name in DNS, also behind user-, and is none that DNS has reserved", () => {
  fc.assert(fc.property(ids, (id) => {
    const slug = slugOf(id);
    assert.match(slug, LABEL);
    assert.match(namespaceOf(slug), LABEL);
    assert.ok(slug.length <= 54);
    // "??--" at the begin is for names in other letters (RFC 5890).
    assert.notEqual(slug.slice(2, 4), "--");
    assert.equal(slugOf(id), slug);
  }));
});

Deno.test("two ids have two slugs, and a slug is its own only as an id that is plain", () => {
  const known = new Map<string, string>();
  fc.assert(fc.property(ids, (id) => {
    const slug = slugOf(id);
    assert.equal(known.get(slug) ?? id, id);
    known.set(slug, id);
    assert.equal(
      slug === id,
      /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(id) && !id.includes("--"),
    );
    // Somebody who takes another's slug for his id is somebody else.
    if (slug !== id) assert.notEqual(slugOf(slug), slug);
  }));
  assert.ok(known.size > 500, String(known.size));
});

/**
 * Users' ids, and what they are called in a cluster: a slug is fit for names, label values and host
 * names, and is the same for an id for ever. An id that can be its own slug is; any other gets a
 * cleaned form of it, `--`, and a digest, so that the two kinds never meet. The digest has 60 bits:
 * the raw id in the register is compared all the same, before anything is done for a slug.
 */
import { createHash } from "node:crypto";
import { ManagerError } from "./errors.ts";

const MOST_BYTES = 256;
const PLAIN = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const MOST_CLEANED = 40;
/** "xn--" and its like at the begin of a host's name mean something (RFC 5890): never two alone. */
const LEAST_CLEANED = 3;
const DIGEST_CHARACTERS = 12;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** Throws `invalid_user_id`. */
export function slugOf(userId: string): string {
  const problem = problemOf(userId);
  if (problem !== undefined) {
    throw new ManagerError("invalid_user_id", `Cannot take this user id: ${problem}`);
  }
  if (PLAIN.test(userId) && !userId.includes("--")) return userId;
  return `${cleaned(userId)}--${digest(userId)}`;
}

/** At most 59 characters. */
export function namespaceOf(slug: string): string {
  return `user-${slug}`;
}

function problemOf(userId: string): string | undefined {
  if (userId === "") return "it is empty";
  if (!userId.isWellFormed()) return "it is no text, a half of a pair of characters stands alone";
  if (new TextEncoder().encode(userId).length > MOST_BYTES) {
    return `it has more than ${MOST_BYTES} bytes`;
  }
  if (/\p{Cc}/u.test(userId)) return "it has control characters";
  // Also written as %2E, they are taken out of an address before it is sent.
  if (userId === "." || userId === "..") return "no address can have it as a part";
  return undefined;
}

/** Of ASCII alone: what is done with other letters may change with the version of Unicode. */
function cleaned(userId: string): string {
  const text = userId.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replace(/[^a-z0-9]+/g, "-").replace(/^-/, "").slice(0, MOST_CLEANED).replace(/-$/, "");
  if (text.length >= LEAST_CLEANED) return text;
  return text === "" ? "user" : `user-${text}`;
}

function digest(userId: string): string {
  const bytes = createHash("sha256").update(userId, "utf8").digest();
  const number = bytes.readBigUInt64BE();
  return Array.from({ length: DIGEST_CHARACTERS }, (_, index) => {
    const five = (number >> BigInt(59 - 5 * index)) & 31n;
    return BASE32.charAt(Number(five));
  }).join("");
}

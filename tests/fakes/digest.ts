/** Short digests of bytes and texts, to tell many disks apart quickly. Not for anybody's safety. */

/** Two numbers of 32 bits each (FNV-1a with two primes). */
export interface Digest {
  readonly a: number;
  readonly b: number;
}

export const NOTHING: Digest = { a: 0x811c9dc5 | 0, b: 0x2f0b4f27 };
const PRIME_A = 0x01000193, PRIME_B = 0x9e3779b1 | 0;

/** The digest of what `begun` is the digest of, and the bytes behind it. */
export function digestOf(bytes: Uint8Array, begun: Digest = NOTHING): Digest {
  let { a, b } = begun;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    a = Math.imul(a ^ byte, PRIME_A);
    b = Math.imul(b ^ byte, PRIME_B);
  }
  return { a, b };
}

export function textDigest(text: string): Digest {
  let { a, b } = NOTHING;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, PRIME_A);
    b = Math.imul(b ^ unit, PRIME_B);
  }
  return { a, b };
}

/** What a file adds to the digest of a disk, wherever it stands among the others. */
export function pairDigest(path: Digest, content: Digest): Digest {
  return { a: mixed(path.a ^ Math.imul(content.a, 31)), b: mixed(path.b + content.b * 17 | 0) };
}

function mixed(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** As one number, to be a key in a map: 53 bits of the 64. */
export function keyOf({ a, b }: Digest): number {
  return (a >>> 0) * 0x200000 + (b >>> 11);
}

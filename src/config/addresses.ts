/** Which addresses texts, vectors and keys may be sent to. */

/** In the clear only within one's own network. */
export function isSafeAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hostname } = new URL(text);
  if (username !== "" || password !== "") return false;
  if (protocol === "https:") return true;
  return protocol === "http:" && isOwnNetwork(hostname);
}

function isOwnNetwork(hostname: string): boolean {
  if (hostname.startsWith("[")) return /^\[(::1\]|f[cd]|fe[89ab])/.test(hostname);
  return !hostname.includes(".") ||
    /^(127\.\d+|10\.\d+|192\.168|172\.(1[6-9]|2\d|3[01]))\.\d+\.\d+$/.test(hostname) ||
    /\.(local|internal|svc|localhost|lan|home\.arpa)$/.test(hostname);
}

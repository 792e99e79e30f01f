/** The key that lets callers in: where it stands, what it must look like, and what is too weak. */

const LEAST_KEY_CHARACTERS = 16;

/** Keys that stand in tutorials, and so in the lists of those who try doors. */
const WELL_KNOWN =
  /^(change[-_ ]?me|secret|password|passw0rd|admin|default|test|example|demo|key|token|api[-_]?key|letmein|qwerty|container[-_]?api[-_]?key|your[-_].*|my[-_]?(?:secret|key|api[-_]?key).*|(?<one>.)\k<one>{2,}|0?123456789.*)[-_0-9!]*$/i;

/** How files are read, and where what is wrong is told: in words that repeat no value. */
export interface Told {
  readonly readFile: (path: string) => string;
  readonly isProduction: boolean;
  readonly problems: string[];
  readonly warnings: string[];
}

export interface Keys {
  /** Undefined in development: one is generated and kept in the data folder. */
  readonly key: string | undefined;
  /** The key before it, which is let in as well. */
  readonly previousKey: string | undefined;
  /** Lets in for reading only; undefined where there is no such key. */
  readonly readKey: string | undefined;
}

export const NO_KEYS: Keys = { key: undefined, previousKey: undefined, readKey: undefined };

export function readKeys(
  env: (name: string) => string | undefined,
  files: { readonly [Name in keyof Keys]: string | undefined },
  told: Told,
): Keys {
  const key = readKey(env("CONTAINER_API_KEY"), files.key, told);
  const previousKey = readPreviousKey(files.previousKey, told);
  const readKeyGiven = readReadKey(env("CONTAINER_READ_KEY"), files.readKey, key, told);
  return { key, previousKey, readKey: readKeyGiven };
}

/** From the environment or from a file. Undefined with a problem; or in development, without one. */
function readKey(
  direct: string | undefined,
  file: string | undefined,
  told: Told,
): string | undefined {
  const key = directOrFile("CONTAINER_API_KEY", direct, file, told);
  if (key === undefined && !direct && file === undefined && told.isProduction) {
    told.problems.push(
      "CONTAINER_API_KEY is not set; production needs a key of 16 characters or more",
    );
  }
  return key;
}

/** The key that lets in for reading only: there need be none. Never the container's own. */
function readReadKey(
  direct: string | undefined,
  file: string | undefined,
  key: string | undefined,
  told: Told,
): string | undefined {
  const readKey = directOrFile("CONTAINER_READ_KEY", direct, file, told);
  if (readKey === undefined || readKey !== key) return readKey;
  told.problems.push("CONTAINER_READ_KEY is the container's own key; make up another");
  return undefined;
}

function directOrFile(
  name: string,
  direct: string | undefined,
  file: string | undefined,
  told: Told,
): string | undefined {
  if (!direct) return file === undefined ? undefined : readKeyFile(file, told, name);
  if (file === undefined) return checked(direct, name, told);
  told.problems.push(`${name} and ${name}_FILE are both set; keep one`);
  return undefined;
}

export function readKeyFile(
  file: string,
  told: Told,
  name = "CONTAINER_API_KEY",
): string | undefined {
  try {
    const key = withoutEnd(told.readFile(file));
    if (key !== "") return checked(key, `the key in ${name}_FILE`, told);
    told.problems.push(`the file that ${name}_FILE names is empty`);
  } catch {
    told.problems.push(`the file that ${name}_FILE names cannot be read`);
  }
  return undefined;
}

/** There need be none: before the first rotation, and once its time is over. */
export function readPreviousKey(file: string | undefined, told: Told): string | undefined {
  if (file === undefined) return undefined;
  let key: string;
  try {
    key = withoutEnd(told.readFile(file));
  } catch {
    // Not there, or not to be read: either way nobody is let in by it.
    return undefined;
  }
  if (key === "") return undefined;
  return checked(key, "the key in CONTAINER_API_KEY_PREVIOUS_FILE", told);
}

const withoutEnd = (text: string) => text.replace(/\r?\n$/, "");

function checked(
  key: string,
  name: string,
  { isProduction, problems, warnings }: Told,
): string | undefined {
  // A comma would end a credential in an Authorization header.
  if (!/^[\x21-\x2b\x2d-\x7e]{1,512}$/.test(key)) {
    problems.push(
      `${name} must be printable ASCII without blanks and commas, at most 512 characters`,
    );
    return undefined;
  }
  const weakness = weaknessOf(key);
  if (weakness !== undefined) (isProduction ? problems : warnings).push(`${name} ${weakness}`);
  return weakness !== undefined && isProduction ? undefined : key;
}

function weaknessOf(key: string): string | undefined {
  if (WELL_KNOWN.test(key)) {
    return "is a well-known one; make one up, for example: openssl rand -hex 32";
  }
  if (key.length < LEAST_KEY_CHARACTERS) {
    return `is shorter than ${LEAST_KEY_CHARACTERS} characters; make one: openssl rand -hex 32`;
  }
  return undefined;
}

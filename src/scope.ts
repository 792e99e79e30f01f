/**
 * What a caller was let in to do. The container's key is for everything; a key for reading sees
 * what is there and changes nothing.
 */
export type Scope = "write" | "read";

/** Objects as one YAML text, as a person would write it, for `kubectl apply -f`. */
import { stringify } from "yaml";
import type { KubeObject } from "../kube_object.ts";

/** `head` are lines of a comment. */
export function yamlOf(head: readonly string[], objects: readonly KubeObject[]): string {
  const documents = objects.map((object) =>
    stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 })
  );
  return `${head.map((line) => `# ${line}\n`).join("")}${documents.join("---\n")}`;
}

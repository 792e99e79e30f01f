/**
 * What the house rules need to know of one source file, read from its syntax tree by a lint plugin
 * (so only under `deno test`, where Deno offers `Deno.lint.runPlugin`).
 */

export interface Used {
  /** As written, such as `./errors.ts`. */
  readonly specifier: string;
  /** `*` where all of the module may be used. */
  readonly name: string;
}

export interface Exported {
  readonly name: string;
  /** A type that its own file speaks of again is needed there: it names part of an export. */
  readonly isType: boolean;
  readonly mentions: number;
}

export interface FunctionSize {
  readonly line: number;
  readonly lines: number;
  /** Without the lines of the functions inside it, each of which is measured by itself. */
  readonly ownLines: number;
}

export interface SourceFacts {
  readonly lines: number;
  readonly functions: readonly FunctionSize[];
  readonly anys: readonly number[];
  readonly silencers: readonly string[];
  readonly exported: readonly Exported[];
  readonly used: readonly Used[];
}

const SILENCER = /@ts-(?:ignore|nocheck)|deno-lint-ignore-file|no-explicit-any/;
type Node = Deno.lint.Node;

export function readFacts(path: string, source: string): SourceFacts {
  const spans: Span[] = [];
  const anys: number[] = [];
  const silencers: string[] = [];
  const names = new Map<string, boolean>();
  const used: Used[] = [];
  const lineAt = (offset: number) => source.slice(0, offset).split("\n").length;
  const measure = ({ range: [start, end] }: Node) => {
    spans.push({ first: lineAt(start), last: lineAt(end) });
  };
  const visitor: Deno.lint.LintVisitor = {
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
    TSAnyKeyword: (node) => void anys.push(lineAt(node.range[0])),
    ImportDeclaration: (node) => void used.push(...importsOf(node)),
    ImportExpression: (node) => void used.push(...wholeModule(node.source)),
    TSImportType: (node) => void used.push(...wholeModule(node.argument)),
    ExportAllDeclaration: (node) => void used.push(...wholeModule(node.source)),
    ExportDefaultDeclaration: () => void names.set("default", false),
    ExportNamedDeclaration: (node) => {
      for (const [name, isType] of exportsOf(node)) names.set(name, isType);
      used.push(...reexportsOf(node));
    },
  };
  Deno.lint.runPlugin(
    {
      name: "facts",
      rules: {
        read: {
          create: ({ sourceCode }) => {
            const comments = sourceCode.getAllComments().map(({ value }) => value);
            silencers.push(...comments.filter((text) => SILENCER.test(text)));
            return visitor;
          },
        },
      },
    },
    path,
    source,
  );
  const exported = [...names].map(([name, isType]) => ({
    name,
    isType,
    mentions: source.match(new RegExp(`(?<![\\w$])${name.replaceAll("$", "\\$")}(?![\\w$])`, "g"))
      ?.length ?? 0,
  }));
  const lines = source.replace(/\n$/, "").split("\n").length;
  const functions = spans.map((span) => sizeOf(span, spans));
  return { lines, functions, anys, silencers, exported, used };
}

interface Span {
  readonly first: number;
  readonly last: number;
}

function sizeOf(span: Span, all: readonly Span[]): FunctionSize {
  const { first, last } = span;
  const inner = all.filter((other) => other !== span && other.first >= first && other.last <= last);
  const isInner = (line: number) => inner.some((other) => other.first < line && line < other.last);
  const lines = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const ownLines = lines.filter((line) => !isInner(line)).length;
  return { line: first, lines: lines.length, ownLines };
}

function importsOf(node: Deno.lint.ImportDeclaration): Used[] {
  return node.specifiers.map((specifier) => ({
    specifier: node.source.value,
    name: importedName(specifier),
  }));
}

function importedName(specifier: Deno.lint.ImportDeclaration["specifiers"][number]): string {
  if (specifier.type === "ImportDefaultSpecifier") return "default";
  return specifier.type === "ImportSpecifier" ? nameOf(specifier.imported) : "*";
}

function wholeModule(source: Node): Used[] {
  const literal = source.type === "TSLiteralType" ? source.literal : source;
  const known = literal.type === "Literal" && typeof literal.value === "string";
  return known ? [{ specifier: String(literal.value), name: "*" }] : [];
}

function reexportsOf(node: Deno.lint.ExportNamedDeclaration): Used[] {
  const source = node.source;
  if (!source) return [];
  return node.specifiers.map((specifier) => ({
    specifier: String(source.value),
    name: nameOf(specifier.local),
  }));
}

/** The names that a declaration gives to the outside, and whether each is only a type. */
function exportsOf(node: Deno.lint.ExportNamedDeclaration): [string, boolean][] {
  const { declaration } = node;
  const again = node.specifiers.map(({ exported }): [string, boolean] => [nameOf(exported), false]);
  switch (declaration?.type) {
    case "VariableDeclaration":
      return declaration.declarations.flatMap(({ id }) =>
        id.type === "Identifier" ? [[id.name, false]] : []
      );
    case "FunctionDeclaration":
    case "ClassDeclaration":
      return declaration.id ? [[declaration.id.name, false]] : [];
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return [[declaration.id.name, true]];
    default:
      return again;
  }
}

function nameOf(node: Node): string {
  return node.type === "Identifier" ? node.name : node.type === "Literal" ? String(node.value) : "";
}

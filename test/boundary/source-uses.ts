/** Finds imports and uses of globals in src/, with the TypeScript compiler's own parser. */
import { relative } from "node:path";
import { type Identifier, type Node, type SourceFile, SyntaxKind } from "typescript/unstable/ast";
import { isStringLiteral } from "typescript/unstable/ast/is";
import { API } from "typescript/unstable/async";
import { ENGINE_GLOBALS, IMPURE_GLOBALS, type Use } from "./rules.ts";

/** Every use in the files below src/ that belong to the project; paths in the result are relative to `root`. */
export async function usesInSources(root: string): Promise<Use[]> {
  const api = new API({ cwd: root });
  try {
    const snapshot = await api.updateSnapshot({ openProjects: [`${root}/tsconfig.json`] });
    const [project] = snapshot.getProjects();
    if (project === undefined) throw new Error(`${root}/tsconfig.json is no project`);
    const paths = project.rootFiles.filter((path) => relative(root, path).startsWith("src/"));
    const files = await Promise.all(paths.map((path) => project.program.getSourceFile(path)));
    return files.filter((file) => file !== undefined).flatMap((file) => usesIn(file, relative(root, file.fileName)));
  } finally {
    await api.close();
  }
}

function usesIn(source: SourceFile, file: string): Use[] {
  const lineAt = (position: number) => source.text.slice(0, position).split("\n").length;
  const imports = source.imports
    .filter((node) => isStringLiteral(node))
    .map((node) => ({ kind: "import" as const, file, line: lineAt(node.end), name: node.text }));
  const identifiers = identifiersIn(source);
  const declared = new Set(identifiers.filter(isDeclared).map((node) => node.text));
  const globals = identifiers
    .filter(({ text }) => (IMPURE_GLOBALS.has(text) || ENGINE_GLOBALS.has(text)) && !declared.has(text))
    .filter((node) => !isMemberName(node))
    .map((node) => ({ kind: "global" as const, file, line: lineAt(node.end), name: node.text }));
  return [...imports, ...globals];
}

function identifiersIn(source: SourceFile): Identifier[] {
  const found: Identifier[] = [];
  const visit = (node: Node): undefined => {
    if (node.kind === SyntaxKind.Identifier) found.push(node as Identifier);
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

const DECLARATIONS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.Parameter,
  SyntaxKind.VariableDeclaration,
  SyntaxKind.BindingElement,
  SyntaxKind.FunctionDeclaration,
  SyntaxKind.ImportSpecifier,
]);

const MEMBERS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.PropertyAssignment,
  SyntaxKind.PropertySignature,
  SyntaxKind.PropertyDeclaration,
  SyntaxKind.PropertyAccessExpression,
  SyntaxKind.MethodDeclaration,
  SyntaxKind.MethodSignature,
  SyntaxKind.GetAccessor,
  SyntaxKind.BindingElement,
  SyntaxKind.NamedTupleMember,
  SyntaxKind.ExportSpecifier,
]);

/** A local of this name anywhere in the file hides the global: the type checker catches a use outside its scope. */
function isDeclared(node: Identifier): boolean {
  return DECLARATIONS.has(node.parent.kind) && nameOf(node.parent) === node;
}

function isMemberName(node: Identifier): boolean {
  const { parent } = node;
  if (!MEMBERS.has(parent.kind)) return false;
  return nameOf(parent) === node || ("propertyName" in parent && parent.propertyName === node);
}

function nameOf(parent: Node): unknown {
  return "name" in parent ? parent.name : undefined;
}

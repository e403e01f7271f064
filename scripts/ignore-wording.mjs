// Plug-in of Stryker for scripts/lib/mutate.ts: leaves out how messages read. What decides which message comes, and its code, is not left out.
const WORDING = new Set(['what', 'where', 'hint', 'details', 'message']);

function shouldIgnore({ node, parentPath }) {
  if (node.type !== 'StringLiteral' && node.type !== 'TemplateLiteral') return undefined;
  for (let at = parentPath; at; at = at.parentPath)
    if (at.node.type === 'ObjectProperty' && WORDING.has(at.node.key.name)) return 'wording';
  return undefined;
}

export const strykerPlugins = [{ kind: 'Ignore', name: 'wording', value: { shouldIgnore } }];

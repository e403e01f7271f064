import { whatIsAsked } from '../../answers/asked.js';
import type { TreeNode, TreeReport, WhyPackage, WhyReport, WhyStep } from '../../answers/schema.js';
import { oneLine } from './printable.js';

/** `most`: lines shown of what needs a package of a mirror. */
export function whyText({ answers }: WhyReport, most: number): string {
  const lines = answers.flatMap((answer) =>
    answer.platforms.flatMap(({ subdir, packages }) => [
      `${whatIsAsked(answer)}, ${subdir}`,
      ...packages.flatMap((each) => (answer.wanted ? packageLines(each) : neededLines(each, most))),
    ]),
  );
  return `${lines.map(oneLine).join('\n')}\n`;
}

function packageLines(pkg: WhyPackage): string[] {
  const { because_of: because, paths, more } = pkg;
  const title = titleOf(pkg);
  if (paths.length === 0) {
    const needed = pkg.needed_by.map((each) => `    needed by ${stepText(each)}: ${each.constraint}`);
    return [`${title}: nothing that was asked for leads to it`, ...needed];
  }
  return [
    `${title}: because of ${because.join(', ')}`,
    ...paths.flatMap((path) => path.map(pathLine)),
    ...(more ? ['    … and more paths (--paths N)'] : []),
  ];
}

/** Of a mirror: nothing was asked for, so no path begins anywhere. */
function neededLines(pkg: WhyPackage, most: number): string[] {
  const needed = pkg.needed_by;
  const more = needed.length - most;
  return [
    `${titleOf(pkg)}: ${needed.length === 0 ? 'nothing in it needs it' : `needed by ${needed.length} of the newest packages`}`,
    ...needed.slice(0, most).map((each) => `    ${stepText(each)}: ${each.constraint}`),
    ...(more > 0 ? [`    … and ${more} more (--paths N, --json)`] : []),
  ];
}

function titleOf(pkg: WhyPackage): string {
  return `  ${stepText(pkg)}${pkg.subdir === 'noarch' ? ' (noarch)' : ''}`;
}

function pathLine(step: WhyStep, depth: number): string {
  const indent = ' '.repeat(4 + 2 * depth);
  return depth === 0
    ? `${indent}asked for: ${step.constraint}: ${stepText(step)}`
    : `${indent}needs ${step.constraint}: ${stepText(step)}`;
}

export function stepText({ name, version, build }: Pick<WhyStep, 'name' | 'version' | 'build'>): string {
  return [name, version, build].filter((part) => part !== '').join(' ');
}

export function treeText({ answers }: TreeReport): string {
  const lines = answers.flatMap((answer) =>
    answer.platforms.flatMap(({ subdir, roots }) => [
      `${whatIsAsked(answer)}, ${subdir}`,
      ...rootLines(roots, answer.wanted ? Infinity : MOST_ROOTS),
    ]),
  );
  return `${lines.map(oneLine).join('\n')}\n`;
}

/** Of a mirror thousands of packages may be needed by nothing. */
const MOST_ROOTS = 100;

function rootLines(roots: readonly TreeNode[], most: number): string[] {
  const more = roots.length - most;
  return [
    ...roots.slice(0, most).flatMap((root) => treeLines(root, 1)),
    ...(more > 0 ? [`  … and ${more} more that nothing in it needs (--of NAME, --invert NAME, --json)`] : []),
  ];
}

function treeLines(node: TreeNode, level: number): string[] {
  const constraint = node.constraint === null ? '' : `  (${level === 1 ? 'asked for: ' : ''}${node.constraint})`;
  const state = { whole: '', above: '  (above)', cut: '  …' }[node.state];
  return [
    `${'  '.repeat(level)}${stepText(node)}${constraint}${state}`,
    ...node.packages.flatMap((each) => treeLines(each, level + 1)),
  ];
}

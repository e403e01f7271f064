import { whatIsAsked } from '../../answers/asked.js';
import type { TreeNode, TreeReport, WhyPackage, WhyReport, WhyStep } from '../../answers/schema.js';
import { oneLine } from './printable.js';

export function whyText({ answers }: WhyReport): string {
  const lines = answers.flatMap((answer) =>
    answer.platforms.flatMap(({ subdir, packages }) => [
      `${whatIsAsked(answer)}, ${subdir}`,
      ...packages.flatMap((each) => packageLines(each)),
    ]),
  );
  return `${lines.map(oneLine).join('\n')}\n`;
}

function packageLines(pkg: WhyPackage): string[] {
  const { because_of: because, paths, more } = pkg;
  const title = `  ${stepText(pkg)}${pkg.subdir === 'noarch' ? ' (noarch)' : ''}`;
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
      ...roots.flatMap((root) => treeLines(root, 1)),
    ]),
  );
  return `${lines.map(oneLine).join('\n')}\n`;
}

function treeLines(node: TreeNode, level: number): string[] {
  const constraint = node.constraint === null ? '' : `  (${level === 1 ? 'asked for: ' : ''}${node.constraint})`;
  const state = { whole: '', above: '  (above)', cut: '  …' }[node.state];
  return [
    `${'  '.repeat(level)}${stepText(node)}${constraint}${state}`,
    ...node.packages.flatMap((each) => treeLines(each, level + 1)),
  ];
}

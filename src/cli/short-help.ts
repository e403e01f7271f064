import { largest } from '../base/largest.js';
import { Help } from 'commander';
import type { Command, Option } from 'commander';
import { wrapped } from './reporter/page-text.js';

const EXIT_CODES =
  'Exit codes: 0 done, 1 findings, 2 usage, 3 unsolvable, 4 artifact, 5 publish, 6 locked, 7 upstream, 8 proof; 130 interrupted';
const MOST_OPTIONS = 5;
const MOST_EXAMPLES = 3;

/** The options that most people need, of commands whose first five are not these. */
const USUAL: Readonly<Record<string, readonly string[]>> = {
  'update-offline-repo': ['--owner', '--channel', '--subdir', '--add', '--dry-run'],
  update: ['--all', '--label', '--root', '--token-env', '--add'],
  plan: ['--all', '--label', '--root', '--token-env', '--add'],
  mirror: ['-f', '--token-file', '--dry-run', '--explain', '--quiet'],
  delta: ['--since', '--to', '--part-size', '--subdir', '--zstd'],
  capture: ['--prefix', '--label', '--token-env', '--channel', '--subdir'],
};

/** Of commands whose help has none, or few. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  capture: [
    'repackenv capture /srv/repos --prefix ~/miniforge3/envs/prod',
    'repackenv capture /srv/repos --prefix ~/miniforge3/envs/prod --label halkbank --dry-run',
    'conda info --json > envinfo.json; repackenv capture /srv/repos',
  ],
  verify: [
    'repackenv verify /srv/repos/halkbank',
    'repackenv verify /srv/repos/halkbank@3',
    'repackenv verify /srv/repos/halkbank --allowed-signers signers',
  ],
  mirror: [
    'repackenv mirror -f main.yml --dry-run',
    'repackenv mirror -f main.yml --explain numpy',
    'repackenv mirror -f main.yml --token-file /etc/repackenv/token --quiet',
  ],
  engines: [
    'repackenv engines',
    'repackenv engines --engine conda --engine-path ~/miniforge3/bin/conda',
    'repackenv engines --json',
  ],
  release: ['repackenv release halkbank --root /srv/repos', 'repackenv release /srv/repos/halkbank'],
  serve: [
    'repackenv serve /srv/conda --port 8000',
    'repackenv serve /srv/conda/halkbank',
    'repackenv serve /srv/conda --host 0.0.0.0 --token-file /etc/repackenv/token',
  ],
};

/** What `-h` prints: a screen. `full`: the help of `--help`, whose examples these are. */
export function shortHelp(command: Command, full: string, columns: number): string {
  const width = Math.max(40, columns - 1);
  const name = command.parent === null ? command.name() : `${command.parent.name()} ${command.name()}`;
  const usual = USUAL[command.name()];
  const shown =
    usual === undefined ? command.options.slice(0, MOST_OPTIONS) : usual.flatMap((flag) => named(command, flag));
  const terms = shown.map(({ flags }) => flags);
  const indent = Math.min(largest(terms.map((term) => term.length)), 28) + 4;
  const lines = shown.flatMap(({ flags, description }) => {
    const head = `  ${flags}`.padEnd(indent);
    const words = wrapped(firstWords(description), Math.max(20, width - indent), 0);
    const beside = words.map((line) => ' '.repeat(indent) + line);
    if (head.length > indent) return [head].concat(beside);
    beside[0] = head + words[0];
    return beside;
  });
  const inFull = (/\nExamples?:\n((?: {2}.*\n?)+)/.exec(full)?.[1] ?? '').split('\n').filter((line) => line !== '');
  const examples = EXAMPLES[command.name()]?.map((line) => `  ${line}`) ?? inFull;
  const [summary = ''] = command.description().split('. ');
  return [
    `Usage: ${name} ${command.usage()}`,
    '',
    ...wrapped(`${summary.replace(/\.$/, '')}.`, width, 0),
    '',
    ...lines,
    ...(examples.length === 0 ? [] : ['', 'Examples:', ...examples.slice(0, MOST_EXAMPLES)]),
    '',
    ...wrapped(EXIT_CODES, width, 2),
    ...wrapped(`All options: ${name} --help. The manual: repackenv help`, width, 2),
    '',
  ].join('\n');
}

function named(command: Command, flag: string): Option[] {
  return command.options.filter(({ long, short }) => long === flag || short === flag);
}

function firstWords(description: string): string {
  return description.split(/[:;] | \(/)[0]!;
}

/** Lines that begin at the margin are sentences: they are broken anew where they are wider than `width`; others stand as they are. */
export function fitted(help: string, width: number): string {
  return help.replaceAll(/^(?:[^\s].*\n)+/gm, (paragraph) => {
    const lines = paragraph.trimEnd().split('\n');
    if (lines.every((line) => line.length <= width)) return paragraph;
    return `${wrapped(lines.join(' '), width, 0).join('\n')}\n`;
  });
}

/** On a narrow terminal a long option stands on a line of its own, so that what it means keeps most of the width. */
export function helpLayout(helpWidth: number): Partial<Help> {
  const most = helpWidth < 100 ? 30 : helpWidth;
  const sizes = { helpWidth, minWidthToWrap: 20 };
  const plain = Object.assign(new Help(), sizes);
  return {
    ...sizes,
    padWidth: (command, helper) => Math.min(plain.padWidth(command, helper), most),
    formatItem(term, termWidth, description, helper) {
      if (term.length <= termWidth || description === '') return plain.formatItem(term, termWidth, description, helper);
      return `  ${term}\n${plain.formatItem('', termWidth, description, helper)}`;
    },
  };
}

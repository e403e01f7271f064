import { programText } from '../runtime/program-files.js';

/** The pages of `repackenv help`, in its order: `pages/NAME.md`, whose first line is `# NAME: what it is about`. */
export const PAGES = [
  'install',
  'delivery',
  'channels',
  'engines',
  'settings',
  'labels',
  'schedule',
  'exit-codes',
  'carrying',
  'media',
  'site',
  'windows',
  'serve',
  'history',
  'signatures',
  'questions',
  'policy',
  'mirrors',
  'capture',
  'doctor',
  'cleaning',
  'how-it-works',
  'speed',
] as const;

export function pageText(name: string): string {
  return programText(`cli/pages/${name}.md`);
}

/** What it is about: a line. */
export function pageTitle(name: string): string {
  return pageText(name)
    .split('\n', 1)[0]!
    .replace(/^# [\w-]+: /, '');
}

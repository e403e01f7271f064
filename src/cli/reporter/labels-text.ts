import type { LabelState } from '../../jobs/labels.js';
import { heldText } from '../../delivery/generations/hold.js';
import { columns } from './columns.js';
import { oneLine } from './printable.js';

/** A line for each label. */
export function labelsText(states: readonly LabelState[], root: string): string {
  const rows = [
    ['label', 'generation', 'published', ''],
    ...states.map((state) => [
      state.label,
      state.generation === null ? '-' : String(state.generation),
      state.published?.slice(0, 10) ?? '-',
      oneLine(remarks(state).join('; ')),
    ]),
  ];
  const lines = columns(rows);
  const undeclared = states.filter(({ declared }) => !declared).length;
  return [
    ...(states.length === 0 ? [`no label in ${root}`] : lines),
    ...(undeclared === 0
      ? []
      : [
          '',
          `not declared: published, and in no line of repackenv.yml; the folder stays. repackenv init shows the lines.`,
        ]),
    '',
  ].join('\n');
}

function remarks({ declared, generation, hold, behind, failed, damage }: LabelState): string[] {
  return [
    ...(declared ? [] : ['not declared']),
    ...(generation === null && damage === null ? ['not published yet'] : []),
    ...(failed ? ['last update failed'] : []),
    ...(hold === null ? [] : [heldText(hold)]),
    ...(behind.length === 0
      ? []
      : [`behind: ${behind.map(({ site, generation: has }) => `${site} (generation ${has})`).join(', ')}`]),
    ...(damage === null ? [] : [damage]),
  ];
}

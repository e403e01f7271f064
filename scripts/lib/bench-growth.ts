import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { measured, type Bench } from './bench-contest.js';
import type { Sample } from './bench-figures.js';
import { makeFleet } from './fleet.js';
import { makeLargeChannel } from './large-channel.js';
import { PROJECT_ROOT } from './layers.js';
import { runOurs } from './run-program.js';
import { startTokenServer } from './token-server.js';

type Point = Sample & { count: number };
type Curve = { title: string; points: Point[] };

/** Where `--save` draws them; the page speed shows it. */
const PICTURE = join(PROJECT_ROOT, 'src', 'cli', 'pages', 'growth.svg');
const [WIDTH, HEIGHT, PAD] = [250, 190, 44];

/**
 * How processor time and memory grow with artifacts, records and labels: one run each, from nothing. Not the time on the clock: with one run, what else
 * goes on would draw the curve.
 */
export async function benchGrowth(bench: Bench, { save }: { save: boolean }): Promise<void> {
  const curves: Curve[] = [
    await curve('artifacts of a label', [24, 240, 2400], (count) =>
      ofChannel(bench, 'update', { names: 98 + count, versions: 1 }),
    ),
    await curve('records of a channel', [30_000, 120_000, 480_000], (count) =>
      ofChannel(bench, 'plan', { names: count / 40, versions: 40 }),
    ),
    await curve('labels of a run', [1, 10, 50], (count) => ofLabels(bench, count)),
  ];
  for (const { title, points } of curves) {
    console.log(`\n${title}`);
    for (const { count, seconds, processorSeconds = Number.NaN, peakRss = 0 } of points)
      console.log(
        `${String(count).padStart(10)}${processorSeconds.toFixed(2).padStart(10)} s of processor${seconds.toFixed(2).padStart(10)} s${(peakRss / 1e6).toFixed(0).padStart(8)} MB`,
      );
  }
  if (save) writeFileSync(PICTURE, svg(curves));
}

async function curve(
  title: string,
  counts: readonly number[],
  take: (count: number) => Promise<Sample>,
): Promise<Curve> {
  const points: Point[] = [];
  for (const count of counts) points.push({ count, ...(await take(count)) });
  return { title, points };
}

async function ofChannel(
  bench: Bench,
  job: 'update' | 'plan',
  size: { names: number; versions: number },
): Promise<Sample> {
  const home = join(bench.folder, `${job}-${size.names}`);
  for (const path of ['vendor', 'vendor/label/grown'])
    await makeLargeChannel(join(home, path), { names: 0, versions: 0 });
  await makeLargeChannel(join(home, 'large'), { ...size, artifacts: job === 'update' });
  const spec = job === 'update' ? 'large-0' : 'small-0';
  const where = [
    '--root',
    join(home, 'root'),
    '--channel',
    pathToFileURL(join(home, 'large')).href,
    '--base-url',
    home,
  ];
  const args = [
    job,
    spec,
    '--label',
    'grown',
    ...where,
    '--owner',
    'vendor',
    '--subdir',
    'linux-64',
    '--papers',
    'none',
  ];
  return measured(() =>
    runOurs('repackenv', [...args, '--cache-dir', join(home, 'cache'), '--quiet'], { home, watchMemory: true }),
  );
}

async function ofLabels(bench: Bench, count: number): Promise<Sample> {
  const dir = join(bench.folder, `fleet-${count}`);
  const fleet = await makeFleet(join(dir, 'upstream'), { labels: count, bytes: 200_000, others: 10_000 });
  const server = await startTokenServer({ dir: join(dir, 'upstream'), token: 'none', ownerTokens: fleet.tokens });
  try {
    mkdirSync(join(dir, 'root'));
    writeFileSync(join(dir, 'root', 'repackenv.yml'), fleet.yaml(server.url));
    const args = ['update', '--all', '--root', join(dir, 'root'), '--cache-dir', join(dir, 'cache'), '--quiet'];
    return await measured(() => runOurs('repackenv', args, { home: dir, env: fleet.environment, watchMemory: true }));
  } finally {
    await server.close();
  }
}

/** A panel each, both axes by powers: time in one colour on the left, memory in another on the right. */
function svg(curves: readonly Curve[]): string {
  const width = WIDTH * curves.length;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" height="${HEIGHT}" role="img">
<title>Processor time and memory by artifacts, records and labels</title>
<style>text{font:11px system-ui,sans-serif;fill:#555}.t{stroke:#0b5563;fill:none}.m{stroke:#a33b20;fill:none}.tt{fill:#0b5563}.mt{fill:#a33b20}</style>
<rect width="100%" height="100%" fill="#fdfcf8"/>
${curves.map((each, at) => panel(each, at * WIDTH)).join('\n')}
</svg>
`;
}

function panel({ title, points }: Curve, left: number): string {
  const x = (at: number): number => left + PAD + (at * (WIDTH - 2 * PAD)) / (points.length - 1);
  const y = (share: number): number => HEIGHT - PAD - share * (HEIGHT - 2 * PAD - 12);
  const line = (name: string, values: readonly number[], label: (value: number) => string, above: number): string => {
    const most = Math.max(...values);
    const at = values.map((value, place) => [x(place), y(value / most)] as const);
    const texts = at.map(
      ([px, py], place) =>
        `<text class="${name}t" x="${px}" y="${py + above}" text-anchor="middle">${label(values[place]!)}</text>`,
    );
    return `<polyline class="${name}" points="${at.map((pair) => pair.map((each) => each.toFixed(1)).join(',')).join(' ')}"/>${texts.join('')}`;
  };
  const counts = points.map(
    ({ count }, at) =>
      `<text x="${x(at)}" y="${HEIGHT - PAD + 26}" text-anchor="middle">${count.toLocaleString('en')}</text>`,
  );
  return [
    `<text x="${left + WIDTH / 2}" y="16" text-anchor="middle" font-weight="600">${title}</text>`,
    line(
      't',
      points.map(({ processorSeconds = Number.NaN }) => processorSeconds),
      (value) => `${value.toFixed(1)} s`,
      -6,
    ),
    line(
      'm',
      points.map(({ peakRss = 0 }) => peakRss),
      (value) => `${(value / 1e6).toFixed(0)} MB`,
      14,
    ),
    ...counts,
  ].join('\n');
}

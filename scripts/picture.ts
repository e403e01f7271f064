/**
 * npm run picture
 *
 * Writes src/cli/pages/delivery.svg, the picture in the README: what a first and a second delivery from the sample upstream print, as it was printed.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from './lib/layers.js';
import { runOurs } from './lib/run-program.js';
import { makeSampleUpstream } from './lib/sample-upstream.js';
import { startTokenServer } from './lib/token-server.js';

const ROOT = '/srv/repos';
const [CHARACTER, LINE, EDGE] = [8.4, 19, 16];

const folder = mkdtempSync(join(tmpdir(), 'repackenv-picture-'));
await makeSampleUpstream(join(folder, 'upstream'));
const server = await startTokenServer({ dir: join(folder, 'upstream'), token: 'sample-token' });
const screen: string[] = [];
try {
  await shown(['ratingpro', 'pytho']);
  server.setGeneration(2);
  await shown([]);
} finally {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}
writeFileSync(join(PROJECT_ROOT, 'src', 'cli', 'pages', 'delivery.svg'), svg(screen));

async function shown(packages: readonly string[]): Promise<void> {
  const typed = ['halkbank', 'env:CONDA_TOKEN', ROOT, ...packages];
  const args = typed.map((word) => word.replace(ROOT, join(folder, 'repos')));
  const ran = await runOurs('update-offline-repo', args, {
    home: join(folder, 'home'),
    env: {
      CONDA_TOKEN: 'sample-token',
      REPACKENV_BASE_URL: server.url,
      REPACKENV_OWNER: server.layout.owner,
      REPACKENV_CHANNEL: 'pkgs/main',
      REPACKENV_SUBDIR: 'linux-64',
      REPACKENV_ENGINE: 'embedded',
    },
  });
  if (ran.exitCode !== 0) throw new Error(ran.stderr);
  const report = ran.stdout.replaceAll(join(folder, 'repos'), ROOT).split('\n\n')[0]!;
  screen.push(`$ update-offline-repo ${typed.join(' ')}`, ...report.split('\n'), '');
}

function svg(lines: readonly string[]): string {
  const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * CHARACTER) + 2 * EDGE;
  const height = lines.length * LINE + 2 * EDGE;
  const texts = lines.map((line, at) => {
    const y = EDGE + (at + 0.75) * LINE;
    return `<text x="${EDGE}" y="${y}" fill="${colour(line)}">${line.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>What a first and a second delivery print</title>
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}</style>
<rect width="100%" height="100%" rx="8" fill="#1b1f24"/>
${texts.join('\n')}
</svg>
`;
}

function colour(line: string): string {
  if (line.startsWith('$')) return '#8ab4f8';
  return line.endsWith('is published') ? '#7ee787' : '#d5dbe1';
}

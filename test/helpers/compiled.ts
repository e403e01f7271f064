import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const REPO = fileURLToPath(new URL('../..', import.meta.url));

/**
 * JavaScript of the sources as they are now, for child processes, which can't load TypeScript: `src/` and `test/helpers/` below
 * `dist/children/<name>/`, where `node_modules` is found. Types are not checked. Give each test file a name of its own.
 */
export async function compileForChildren(name: string): Promise<string> {
  const out = join(REPO, 'dist', 'children', name);
  await rm(out, { recursive: true, force: true });
  for (const folder of ['src', 'test/helpers']) {
    for (const file of await readdir(join(REPO, folder), { recursive: true })) {
      if (!file.endsWith('.ts') || file.endsWith('.d.ts')) continue;
      const { outputText } = ts.transpileModule(await readFile(join(REPO, folder, file), 'utf8'), {
        compilerOptions: {
          target: ts.ScriptTarget.ES2023,
          module: ts.ModuleKind.ESNext,
          verbatimModuleSyntax: true,
          esModuleInterop: true,
        },
      });
      const to = join(out, folder, file.replace(/\.ts$/, '.js'));
      await mkdir(dirname(to), { recursive: true });
      await writeFile(to, outputText);
    }
  }
  await writeFile(join(out, 'package.json'), '{"type": "module"}\n');
  return out;
}

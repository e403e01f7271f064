// node .ci/failures.mjs NAME REPORT STATUS: each failed test of a JSON report of vitest, and each file that did not load, with the
// beginning of what it said.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const [name, report, status] = process.argv.slice(2);

function say(line) {
  process.stdout.write(`${line}\n`);
}

function beginning(text) {
  return stripVTControlCharacters(text).split('\n').slice(0, 12).join('\n    ').slice(0, 1500);
}

function testFiles() {
  try {
    return JSON.parse(readFileSync(report, 'utf8')).testResults;
  } catch (error) {
    say(`  no report: ${error.message}`);
    return [];
  }
}

say(`${name}: npm test ended with ${status}`);
for (const file of testFiles()) {
  const where = relative(process.cwd(), file.name);
  const failed = file.assertionResults.filter((test) => test.status === 'failed');
  for (const test of failed) {
    say(`  ${where}: ${test.fullName}\n    ${beginning(test.failureMessages.join('\n'))}`);
  }
  if (file.status === 'failed' && failed.length === 0) say(`  ${where}\n    ${beginning(file.message)}`);
}

import type { CliCommand } from '../command.js';
import { captureCommand } from './capture.js';
import { cleanCommand } from './clean.js';
import { completionCommand } from './completion.js';
import { deltaCommand } from './delta.js';
import { diffCommand } from './diff.js';
import { doctorCommand } from './doctor.js';
import { enginesCommand } from './engines.js';
import { exportCommand } from './export.js';
import { findCommand } from './find.js';
import { helpCommand } from './help.js';
import { historyCommand, receivedCommand } from './history.js';
import { holdCommand, releaseCommand } from './hold.js';
import { importCommand } from './import.js';
import { licensesCommand } from './licenses.js';
import { initCommand } from './init.js';
import { labelsCommand } from './labels.js';
import { mirrorCommand } from './mirror.js';
import { mergeCommand } from './merge.js';
import { notesCommand } from './notes.js';
import { policyCommand } from './policy.js';
import { planCommand, updateCommand } from './update.js';
import { pushCommand } from './push.js';
import { rollbackCommand } from './rollback.js';
import { schemaCommand } from './schema.js';
import { serveCommand } from './serve.js';
import { treeCommand } from './tree.js';
import { verifyCommand } from './verify.js';
import { whyCommand } from './why.js';
import { workCommand } from './work.js';

/** The commands of `repackenv`, in the order of its help. */
export const COMMANDS: readonly CliCommand[] = [
  updateCommand,
  planCommand,
  initCommand,
  labelsCommand,
  captureCommand,
  verifyCommand,
  mirrorCommand,
  diffCommand,
  historyCommand,
  whyCommand,
  treeCommand,
  findCommand,
  licensesCommand,
  policyCommand,
  notesCommand,
  rollbackCommand,
  holdCommand,
  releaseCommand,
  importCommand,
  mergeCommand,
  doctorCommand,
  cleanCommand,
  exportCommand,
  deltaCommand,
  pushCommand,
  receivedCommand,
  serveCommand,
  enginesCommand,
  workCommand,
  schemaCommand,
  helpCommand,
  completionCommand,
];

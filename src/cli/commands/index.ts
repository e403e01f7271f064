import type { CliCommand } from '../command.js';
import { captureCommand } from './capture.js';
import { enginesCommand } from './engines.js';
import { planCommand, updateCommand } from './update.js';
import { verifyCommand } from './verify.js';

/** The commands of `repackenv`, in the order of its help. */
export const COMMANDS: readonly CliCommand[] = [
  updateCommand,
  planCommand,
  captureCommand,
  verifyCommand,
  enginesCommand,
];

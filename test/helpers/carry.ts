import { exportToMedium, type ExportReport, type ExportRequest } from '../../src/jobs/export.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { testRuntime } from './runtime.js';

/** The real export, with the options that a person leaves out left out. */
export function exportTo(
  out: string,
  dir: string,
  request: Partial<ExportRequest> = {},
  rt: Runtime = testRuntime(),
): Promise<ExportReport> {
  return exportToMedium(rt, {
    dir,
    out,
    zstd: false,
    partSize: undefined,
    subdirs: [],
    perPlatform: false,
    since: undefined,
    signKey: undefined,
    siteFiles: false,
    ...request,
  });
}

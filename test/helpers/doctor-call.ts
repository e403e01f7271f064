import { doctor, type DoctorReport, type DoctorRequest } from '../../src/jobs/doctor/doctor.js';
import { systemClock } from '../../src/runtime/clock.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { testRuntime } from './runtime.js';

/** The real doctor, in the real time, with the options that a person leaves out left out. */
export function callDoctor(
  dir: string,
  request: Partial<DoctorRequest> = {},
  rt: Runtime = { ...testRuntime(), clock: systemClock() },
): Promise<DoctorReport> {
  return doctor(rt, {
    dir,
    repair: false,
    prune: false,
    site: undefined,
    waitLockMs: 0,
    takeOverLock: false,
    ...request,
  });
}

/** What a thread starts with, below src/ and without ending: src/runtime/program-files.ts asks for them. Built each by itself, and put into the executable. */
export const THREADS = ['engine/embedded/solve-worker', 'runtime/hash-worker'];

/** Times of files are told in steps (2 s on FAT): one that was written less long ago may change once more without another time, so nothing is remembered of it. */
export const SETTLED_MS = 2000;

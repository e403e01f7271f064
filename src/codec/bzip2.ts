export { bzip2Compress } from './bzip2-encode.js';
export { bzip2Decompress, bzip2DecompressStream } from './bzip2-decode.js';

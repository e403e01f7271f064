/** The package brings no types. */
declare module 'bzip2-wasm' {
  export default class BZip2 {
    init(): Promise<void>;
    /** `level` 1 to 9; `maxCompressedLength` is the room given to the result, which must suffice. */
    compress(bytes: Uint8Array, level: number, maxCompressedLength: number): Uint8Array<ArrayBuffer>;
  }
}

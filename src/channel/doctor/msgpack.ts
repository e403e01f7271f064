/**
 * Reads one MessagePack value, as far as sharded repodata (CEP 16) uses the format: maps with text keys, arrays, text, bytes, numbers,
 * booleans, nil. Throws RangeError or Error where the bytes are none.
 */
export function decodeMsgpack(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = new TextDecoder('utf-8', { fatal: true });
  let at = 0;

  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new RangeError('it ends within a value');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const unsigned = (width: 1 | 2 | 4): number => {
    const start = at;
    take(width);
    return width === 1 ? view.getUint8(start) : width === 2 ? view.getUint16(start) : view.getUint32(start);
  };
  const number = (width: number, read: (start: number) => number | bigint): number => {
    const start = at;
    take(width);
    return Number(read(start));
  };
  const list = (length: number, depth: number): unknown[] => {
    // Each member takes a byte at least.
    if (length > bytes.length - at) throw new RangeError('it ends within a list');
    return Array.from({ length }, () => value(depth + 1));
  };
  const map = (length: number, depth: number): Map<unknown, unknown> => {
    if (length > bytes.length - at) throw new RangeError('it ends within a map');
    const entries = new Map<unknown, unknown>();
    for (let left = length; left > 0; left--) {
      const key = value(depth + 1);
      entries.set(key, value(depth + 1));
    }
    return entries;
  };

  function value(depth: number): unknown {
    if (depth > 64) throw new RangeError('it is nested too deep');
    const tag = unsigned(1);
    if (tag <= 0x7f) return tag;
    if (tag <= 0x8f) return map(tag & 0x0f, depth);
    if (tag <= 0x9f) return list(tag & 0x0f, depth);
    if (tag <= 0xbf) return text.decode(take(tag & 0x1f));
    if (tag >= 0xe0) return tag - 0x100;
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return take(unsigned(1));
      case 0xc5:
        return take(unsigned(2));
      case 0xc6:
        return take(unsigned(4));
      case 0xca:
        return number(4, (start) => view.getFloat32(start));
      case 0xcb:
        return number(8, (start) => view.getFloat64(start));
      case 0xcc:
        return unsigned(1);
      case 0xcd:
        return unsigned(2);
      case 0xce:
        return unsigned(4);
      case 0xcf:
        return number(8, (start) => view.getBigUint64(start));
      case 0xd0:
        return number(1, (start) => view.getInt8(start));
      case 0xd1:
        return number(2, (start) => view.getInt16(start));
      case 0xd2:
        return number(4, (start) => view.getInt32(start));
      case 0xd3:
        return number(8, (start) => view.getBigInt64(start));
      case 0xd9:
        return text.decode(take(unsigned(1)));
      case 0xda:
        return text.decode(take(unsigned(2)));
      case 0xdb:
        return text.decode(take(unsigned(4)));
      case 0xdc:
        return list(unsigned(2), depth);
      case 0xdd:
        return list(unsigned(4), depth);
      case 0xde:
        return map(unsigned(2), depth);
      case 0xdf:
        return map(unsigned(4), depth);
      default:
        throw new Error(`byte ${at - 1} is 0x${tag.toString(16)}, which it does not use`);
    }
  }
  const decoded = value(0);
  if (at !== bytes.length) throw new Error('something follows its end');
  return decoded;
}

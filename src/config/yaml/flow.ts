/** A value as YAML on one line, which reads back as the same. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).map(([key, each]) => `${key}: ${flow(each)}`);
    return `{${pairs.join(', ')}}`;
  }
  return typeof value === 'string' ? quoted(value) : String(value);
}

/** Plain where YAML reads it back as the same text, else in double quotes (JSON is YAML). */
function quoted(text: string): string {
  const word = /^[A-Za-z_/][A-Za-z0-9_./+-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  const url = /^https?:\/\/[A-Za-z0-9_./:+-]*[A-Za-z0-9_/+-]$/.test(text);
  return word || url || /^\d{4}-\d{2}-\d{2}$/.test(text) ? text : JSON.stringify(text);
}

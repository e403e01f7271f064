import type { YAMLError } from 'yaml';
import { shown } from '../../conda/channel/names.js';
import { fileError, placeIn } from './text-file.js';
import type { FileForm, Parts } from './text-file.js';

/** More open brackets than any list of lists needs; the YAML reader recurses. */
const MAX_NESTING = 50;

/** What makes any reading of the text wrong, before YAML is asked. */
export function refuseText(text: string, file: string, form: FileForm): void {
  const complain = (where: string, parts: Parts): never => {
    throw fileError(form, `${file}, ${where}`, parts);
  };
  if (!text.includes('\n') && text.includes('\r')) {
    complain('line 1', {
      what: 'The lines end with a lone carriage return, so YAML sees one single line',
      hint: 'Save the file with Unix (LF) or Windows (CRLF) line ends.',
    });
  }
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(text)) {
    complain('line 1', {
      what: `This is a web page and no ${form.name}`,
      hint: 'Save the text of the file itself: a server or a login page has answered in its place.',
    });
  }
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if ((char < ' ' && !'\t\r\n'.includes(char)) || char === '\u007f') {
      complain(placeIn(text, at), {
        what: `A control character (${shown(char)}) is in the text`,
        hint: `Delete it. Is this really a ${form.name}?`,
      });
    }
    if (char === '[' || char === '{') depth++;
    else if (char === ']' || char === '}') depth--;
    if (depth > MAX_NESTING) {
      complain(placeIn(text, at), {
        what: `More than ${MAX_NESTING} brackets are open here`,
        hint: `A ${form.name} has plain lists: close the brackets.`,
      });
    }
  }
}

/** What the YAML library says, in words for somebody who wrote a list of packages. */
export function yamlProblem({ code, message, pos }: YAMLError, text: string, form: FileForm): Parts {
  const [offset] = pos;
  switch (code) {
    case 'DUPLICATE_KEY': {
      const key = /^[^\s:]+/.exec(text.slice(offset))?.[0] ?? '';
      const indent = /[^\n]*$/.exec(text.slice(0, offset))![0];
      const first = text.split('\n').findIndex((line) => line.startsWith(`${indent}${key}:`)) + 1;
      return {
        what: `The key "${key}" is there twice${first > 0 ? `, first on line ${first}` : ''}`,
        hint: 'Keep one of the two, and join their lists.',
      };
    }
    case 'TAB_AS_INDENT':
      return { what: 'A tab stands where YAML wants blanks', hint: 'Replace the tab by two blanks.' };
    case 'MULTIPLE_DOCS':
      return {
        what: 'A second document begins here (`---`)',
        hint: `A ${form.name} is one document: make two files of it.`,
      };
    case 'TAG_RESOLVE_FAILED':
      return { what: 'YAML tags (`!name`) are not read here', hint: 'Write the value plainly.' };
    case 'BAD_DQ_ESCAPE':
      return {
        what: 'A backslash in double quotes is no path to YAML',
        hint: "Write the path in single quotes ('C:\\mirror\\main') or with slashes (C:/mirror/main).",
      };
    case 'BAD_SCALAR_START':
      return {
        what: `A value can't begin with ${JSON.stringify(text.slice(offset, offset + 1))} in YAML`,
        hint: 'Put it in quotes: "…".',
      };
    case 'MISSING_CHAR': {
      const open = openQuote(text);
      if (open === undefined || !/quote/.test(message)) break;
      return { what: 'A quote is not closed', hint: `It begins on line ${open}: put the missing quote at its end.` };
    }
    case 'BAD_INDENT':
      if (!/flow/i.test(message)) break;
      return {
        what:
          text.slice(offset).trim() === ''
            ? 'This is not valid YAML: it ends before a list in brackets is closed'
            : 'A list in brackets is not closed',
        hint: 'Put the missing "]" (or "}") at the end of the list above.',
      };
  }
  if (/scalar at node end/.test(message)) {
    return {
      what: 'Text follows where the value has ended',
      hint: 'Is a quote or a comma at the wrong place? Put the whole text in quotes.',
    };
  }
  if (/call stack/.test(message)) {
    return {
      what: 'Lists are nested too deeply here',
      hint: `A ${form.name} has plain lists. Is this really one?`,
    };
  }
  return {
    what: `This is not valid YAML: ${message}`,
    hint: 'Keys begin in the first column; the items of a list stand below their key, as `  - item`.',
  };
}

/** Line of the first quote without a partner on its line. */
function openQuote(text: string): number | undefined {
  const at = text.split('\n').findIndex((line) => {
    const value = line.replace(/(^|\s)#.*/, '');
    return ['"', "'"].some((quote) => (value.split(quote).length - 1) % 2 === 1);
  });
  return at < 0 ? undefined : at + 1;
}

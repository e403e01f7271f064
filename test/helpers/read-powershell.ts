import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * A reading of PowerShell that knows what `verify.ps1` uses and nothing else: what it does not know is an error, so that a change of the script
 * is a change here. Names, hashtables, -eq and -match take upper and lower case for one, -ceq, -cne and -cmatch do not (about_Comparison_Operators).
 * Paths have slashes, as in a PowerShell on Linux.
 */
export function runPowerShell(path: string, args: readonly string[]): { exitCode: number; stdout: string } {
  const source = readFileSync(path, 'utf8').replace(/<#[^]*?#>/, '');
  const machine = makeMachine({ psscriptroot: dirname(path), dir: args[0] ?? '', args: args.slice(1) });
  try {
    machine.run(parse(source));
  } catch (error) {
    if (error instanceof Exit) return { exitCode: error.code, stdout: machine.printed() };
    throw error;
  }
  return { exitCode: 0, stdout: machine.printed() };
}

class Exit extends Error {
  constructor(readonly code: number) {
    super('exit');
  }
}
class Return extends Error {
  constructor(readonly value: Value) {
    super('return');
  }
}
class Continue extends Error {}

type Value = unknown;
/** What a node does, where the names mean what is in `scope`. */
type Run = (scope: Scope) => Value;
type Scope = { names: Map<string, Value>; above: Scope | undefined };
type Token = {
  kind: 'word' | 'variable' | 'text' | 'number' | 'operator' | 'mark' | 'type' | 'end';
  text: string;
  spaced: boolean;
};

const MARKS = /^(?:::|@\(|@\{|[(){}[\],;=.+|])/;

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  const whole = source.replaceAll('\r\n', '\n');
  let rest = whole;
  const take = (kind: Token['kind'], found: string, text = found, spaced = false): void => {
    tokens.push({ kind, text, spaced });
    rest = rest.slice(found.length);
  };
  for (let spaced = false; rest !== '';) {
    const blank = /^(?:[ \t]+|#[^\n]*)/.exec(rest)?.[0];
    if (blank !== undefined) {
      rest = rest.slice(blank.length);
      spaced = true;
      continue;
    }
    let found: RegExpExecArray | null;
    if (rest.startsWith('\n')) take('end', '\n');
    else if ((found = /^'((?:[^']|'')*)'/.exec(rest))) take('text', found[0], found[1]!.replaceAll("''", "'"), spaced);
    else if ((found = /^\$([A-Za-z_]\w*)/.exec(rest))) take('variable', found[0], found[1]!.toLowerCase(), spaced);
    else if (
      (found = /^\[([A-Za-z][\w.]*)\]/.exec(rest)) &&
      !/[\w)\]]$/.test(whole.slice(0, whole.length - rest.length))
    )
      take('type', found[0], found[1]!.toLowerCase(), spaced);
    else if ((found = /^[0-9]+/.exec(rest))) take('number', found[0], found[0], spaced);
    else if ((found = /^-[A-Za-z]+/.exec(rest))) take('operator', found[0], found[0].toLowerCase(), spaced);
    else if ((found = /^[A-Za-z]\w*(?:-[A-Z]\w*)?/.exec(rest))) take('word', found[0], found[0], spaced);
    else if ((found = MARKS.exec(rest))) take('mark', found[0], found[0], spaced);
    else throw new Error(`not read: ${rest.slice(0, 40)}`);
    spaced = false;
  }
  return tokens;
}

function parse(source: string): Run {
  const tokens = tokensOf(source);
  let at = 0;
  const peek = (text?: string): boolean =>
    at < tokens.length && (text === undefined || (tokens[at]!.text === text && tokens[at]!.kind !== 'text'));
  const next = (): Token => tokens[at++] ?? fail();
  const fail = (): never => {
    throw new Error(
      `not read: ${tokens
        .slice(at, at + 8)
        .map(({ text }) => text)
        .join(' ')}`,
    );
  };
  const expect = (text: string): void => void (peek(text) ? (at += 1) : fail());
  const ends = (): void => {
    while (peek('\n') || peek(';')) at += 1;
  };
  /** `elseif`, `else` and `catch` may stand on the next line. */
  const follows = (word: string): boolean => {
    const before = at;
    ends();
    if (peek(word)) return (at += 1) > 0;
    at = before;
    return false;
  };

  const block = (): Run => {
    ends();
    expect('{');
    const body: Run[] = [];
    for (ends(); !peek('}'); ends()) body.push(statement());
    at += 1;
    return sequence(body);
  };
  const condition = (): Run => {
    expect('(');
    const value = expression();
    expect(')');
    return value;
  };

  function statement(): Run {
    const token = tokens[at]!;
    if (token.kind === 'word') {
      switch (token.text.toLowerCase()) {
        case 'param': {
          while (!peek('\n')) at += 1;
          return () => undefined;
        }
        case 'trap':
          at += 1;
          return trapped(block());
        case 'function':
          at += 1;
          return functionNamed(next().text);
        case 'if':
          at += 1;
          return choice();
        case 'foreach': {
          at += 1;
          expect('(');
          const { text: name } = next();
          expect('in');
          const list = expression();
          expect(')');
          const body = block();
          return (scope) => {
            for (const each of listOf(list(scope))) {
              set(scope, name, each);
              if (!goesOn(() => body(scope))) continue;
            }
          };
        }
        case 'while': {
          at += 1;
          const holds = condition();
          const body = block();
          return (scope) => {
            while (truth(holds(scope))) goesOn(() => body(scope));
          };
        }
        case 'try': {
          at += 1;
          const body = block();
          if (!follows('catch')) fail();
          const otherwise = block();
          return (scope) => {
            try {
              body(scope);
            } catch (error) {
              if (error instanceof Exit || error instanceof Return || error instanceof Continue) throw error;
              otherwise(scope);
            }
          };
        }
        case 'continue':
          at += 1;
          return () => {
            throw new Continue();
          };
        case 'return': {
          at += 1;
          const value = expression();
          return (scope) => {
            throw new Return(value(scope));
          };
        }
        case 'exit': {
          at += 1;
          const value = expression();
          return (scope) => {
            throw new Exit(Number(value(scope)));
          };
        }
        default:
          return command();
      }
    }
    const before = at;
    if (token.kind === 'variable') {
      at += 1;
      if (peek('=')) {
        at += 1;
        const value = expression();
        return (scope) => set(scope, token.text, value(scope));
      }
      if (peek('[')) {
        at += 1;
        const key = expression();
        expect(']');
        if (peek('=')) {
          at += 1;
          const value = expression();
          return (scope) => void (get(scope, token.text) as Table).put(String(key(scope)), value(scope));
        }
      }
      at = before;
    }
    return expression();
  }

  function choice(): Run {
    const holds = condition();
    const then = block();
    const otherwise = follows('elseif') ? choice() : follows('else') ? block() : () => undefined;
    return (scope) => (truth(holds(scope)) ? then(scope) : otherwise(scope));
  }

  function functionNamed(name: string): Run {
    const parameters: string[] = [];
    expect('(');
    for (; !peek(')'); at += 1) if (tokens[at]!.kind === 'variable') parameters.push(tokens[at]!.text);
    at += 1;
    const body = block();
    return (scope) => set(scope, name.toLowerCase(), { parameters, body });
  }

  /** A name, then parameters (`-Name`, `-Name value`) and values. */
  function command(): Run {
    const { text: name } = next();
    const given: { name: string | undefined; value: Run | undefined }[] = [];
    while (at < tokens.length && !['\n', ';', ')', '}'].some(peek)) {
      if (tokens[at]!.kind === 'operator') {
        const parameter = next().text;
        const alone = ['\n', ';', ')', '}'].some(peek) || tokens[at]!.kind === 'operator';
        given.push({ name: parameter, value: alone ? undefined : argument() });
      } else given.push({ name: undefined, value: argument() });
    }
    return (scope) => {
      const values = given.filter((each) => each.name === undefined).map(({ value }) => value!(scope));
      const named = new Map(
        given.flatMap((each) => (each.name === undefined ? [] : [[each.name, each.value?.(scope) ?? true] as const])),
      );
      const known = find(scope, name.toLowerCase());
      if (known !== undefined) return call(scope, known as Declared, values);
      return cmdlet(scope, name, values, named);
    };
  }
  function argument(): Run {
    const token = tokens[at]!;
    if (token.kind !== 'word') return postfix();
    at += 1;
    return () => token.text;
  }

  const LEVELS = [
    ['-and', '-or'],
    ['-band'],
    ['-eq', '-ne', '-ceq', '-cne', '-gt', '-lt', '-match', '-notmatch', '-cmatch'],
    ['+'],
  ];
  function expression(level = 0): Run {
    if (level === LEVELS.length) return unary();
    let left = expression(level + 1);
    while (at < tokens.length && tokens[at]!.kind !== 'text' && LEVELS[level]!.includes(tokens[at]!.text)) {
      const { text } = next();
      const [first, second] = [left, expression(level + 1)];
      left = (scope) => operate(scope, text, first(scope), () => second(scope));
    }
    return left;
  }
  function unary(): Run {
    if (!peek('-not')) return tokens[at]?.kind === 'word' ? command() : postfix();
    at += 1;
    const value = unary();
    return (scope) => !truth(value(scope));
  }

  function postfix(): Run {
    let value = primary();
    for (;;) {
      // In the arguments of a command a blank ends a value.
      if (at >= tokens.length || tokens[at]!.spaced) return value;
      const target = value;
      if (peek('.')) {
        at += 1;
        const { text: name } = next();
        if (peek('(')) {
          const inner = list();
          value = (scope) =>
            method(
              target(scope),
              name,
              inner.map((each) => each(scope)),
            );
        } else value = (scope) => property(target(scope), name);
      } else if (peek('[')) {
        at += 1;
        const key = expression();
        expect(']');
        value = (scope) => item(target(scope), key(scope));
      } else return value;
    }
  }
  function list(): Run[] {
    expect('(');
    const values: Run[] = [];
    while (!peek(')')) {
      values.push(expression());
      if (peek(',')) at += 1;
    }
    at += 1;
    return values;
  }

  function primary(): Run {
    const token = next();
    if (token.kind === 'text') return () => token.text;
    if (token.kind === 'number') return () => Number(token.text);
    if (token.kind === 'variable') return (scope) => get(scope, token.text);
    if (token.kind === 'type') {
      if (!peek('::')) {
        const value = postfix();
        return (scope) => cast(token.text, value(scope));
      }
      at += 1;
      const { text: name } = next();
      const inner = peek('(') ? list() : undefined;
      return (scope) =>
        fixed(
          `${token.text}::${name.toLowerCase()}`,
          inner?.map((each) => each(scope)),
        );
    }
    if (token.text === '@{') {
      expect('}');
      return () => new Table();
    }
    if (token.text === '@(' || token.text === '(') {
      const value = peek(')') ? () => [] : expression();
      expect(')');
      return token.text === '(' ? value : (scope) => listOf(value(scope));
    }
    at -= 1;
    return fail();
  }

  const body: Run[] = [];
  for (ends(); at < tokens.length; ends()) body.push(statement());
  return sequence(body);
}

/** A trap holds for all statements of its block. */
function trapped(body: Run): Run & { isTrap?: true } {
  return Object.assign((scope: Scope) => body(scope), { isTrap: true as const });
}

function sequence(body: readonly (Run & { isTrap?: true })[]): Run {
  const trap = body.find(({ isTrap }) => isTrap);
  return (scope) => {
    try {
      for (const each of body) if (each !== trap) each(scope);
    } catch (error) {
      if (trap === undefined || error instanceof Exit || error instanceof Return || error instanceof Continue)
        throw error;
      if (error instanceof Error && error.message.startsWith('not read')) throw error;
      set(scope, '_', error instanceof Error ? error.message : error);
      trap(scope);
    }
  };
}

function goesOn(body: () => void): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (error instanceof Continue) return false;
    throw error;
  }
}

interface Declared {
  parameters: string[];
  body: Run;
}

function call(scope: Scope, { parameters, body }: Declared, values: readonly Value[]): Value {
  const names = new Map(parameters.map((name, index) => [name, values[index]]));
  try {
    body({ names, above: scope });
  } catch (error) {
    if (error instanceof Return) return error.value;
    throw error;
  }
  return undefined;
}

const output = new WeakMap<Map<string, Value>, string[]>();

function makeMachine(names: Record<string, Value>): { run(program: Run): void; printed(): string } {
  const scope: Scope = {
    names: new Map([...Object.entries(names), ['true', true], ['false', false], ['null', null]]),
    above: undefined,
  };
  const lines: string[] = [];
  output.set(scope.names, lines);
  return { run: (program) => void program(scope), printed: () => lines.map((line) => `${line}\n`).join('') };
}

function top(scope: Scope): Scope {
  return scope.above === undefined ? scope : top(scope.above);
}
function find(scope: Scope | undefined, name: string): Value {
  return scope === undefined ? undefined : scope.names.has(name) ? scope.names.get(name) : find(scope.above, name);
}
function get(scope: Scope, name: string): Value {
  const value = find(scope, name);
  if (value === undefined) throw new Error(`not read: $${name} has no value`);
  return value;
}
/** Without `$script:` a function writes its own. */
function set(scope: Scope, name: string, value: Value): void {
  scope.names.set(name, value);
}

/** `@{}`: upper and lower case are one. */
class Table {
  private readonly entries = new Map<string, [string, Value]>();
  put(key: string, value: Value): void {
    this.entries.set(key.toLowerCase(), [this.entries.get(key.toLowerCase())?.[0] ?? key, value]);
  }
  at(key: Value): Value {
    return this.entries.get(String(key).toLowerCase())?.[1] ?? null;
  }
  has(key: Value): boolean {
    return this.entries.has(String(key).toLowerCase());
  }
  get keys(): string[] {
    return [...this.entries.values()].map(([key]) => key);
  }
}

function truth(value: Value): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}
function listOf(value: Value): Value[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}
/** `'text' + 1`; numbers are added. */
function textOf(value: Value): string {
  return value === null ? '' : String(value);
}

function operate(scope: Scope, operator: string, left: Value, second: () => Value): Value {
  if (operator === '-and') return truth(left) && truth(second());
  if (operator === '-or') return truth(left) || truth(second());
  const right = second();
  const [a, b] = [textOf(left), textOf(right)];
  switch (operator) {
    case '+':
      return typeof left === 'number' ? left + Number(right) : a + b;
    case '-band':
      return Number(left) & Number(right);
    case '-gt':
      return Number(left) > Number(right);
    case '-lt':
      return Number(left) < Number(right);
    case '-ceq':
      return a === b;
    case '-cne':
      return a !== b;
    case '-eq':
    case '-ne':
      return (
        (left === null || right === null ? left === right : a.toLowerCase() === b.toLowerCase()) ===
        (operator === '-eq')
      );
    default: {
      const found = new RegExp(b, operator === '-cmatch' ? 'u' : 'iu').exec(a);
      // Groups of the last match that was one.
      if (found !== null) set(scope, 'matches', [...found]);
      return (found !== null) === (operator !== '-notmatch');
    }
  }
}

function cast(type: string, value: Value): Value {
  if (type === 'string') return textOf(value);
  if (type === 'char') return String.fromCharCode(Number(value));
  throw new Error(`not read: [${type}]`);
}

function fixed(name: string, values: readonly Value[] = []): Value {
  const [first] = values;
  switch (name) {
    case 'system.io.file::readalllines':
      return linesIn(readFileSync(String(first), 'utf8'));
    case 'system.io.file::readalltext':
      return readFileSync(String(first), 'utf8').replace(/^\uFEFF/, '');
    case 'system.io.path::directoryseparatorchar':
      return '/';
    case 'system.io.fileattributes::reparsepoint':
      return 1024;
    case 'system.stringcomparer::ordinal':
      return 'ordinal';
    case 'regex::matches':
      return [...String(first).matchAll(new RegExp(String(values[1]), 'gu'))].map((found) => ({
        Groups: [...found].map((Value) => ({ Value })),
      }));
    default:
      throw new Error(`not read: ${name}`);
  }
}

/** The last line end begins no line. */
function linesIn(text: string): string[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function method(target: Value, name: string, values: readonly Value[]): Value {
  const [first, second] = values;
  if (target instanceof Table && name === 'ContainsKey') return target.has(first);
  if (Array.isArray(target)) {
    if (name === 'Add' || name === 'Push') return void target.push(first);
    if (name === 'Pop') return target.pop();
    if (name === 'Sort' && first === 'ordinal')
      return void target.sort((a, b) => (String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0));
  }
  if (typeof target === 'string') {
    switch (name) {
      case 'TrimEnd': {
        let text = target;
        while (text !== '' && values.includes(text.at(-1))) text = text.slice(0, -1);
        return text;
      }
      case 'StartsWith':
        return target.startsWith(String(first));
      case 'Contains':
        return target.includes(String(first));
      case 'Replace':
        return target.replaceAll(String(first), String(second));
      case 'IndexOf':
        return target.indexOf(String(first));
      case 'ToLowerInvariant':
        return target.toLowerCase();
      case 'Substring': {
        const [from, length = target.length - Number(first)] = [
          Number(first),
          second === undefined ? undefined : Number(second),
        ];
        if (from + length > target.length) throw new Error('ArgumentOutOfRangeException');
        return target.slice(from, from + length);
      }
    }
  }
  throw new Error(`not read: .${name}()`);
}

function property(target: Value, name: string): Value {
  if (name === 'Count' || name === 'Length') {
    if (target instanceof Table) return target.keys.length;
    return (target as string | Value[]).length;
  }
  if (target instanceof Table && name === 'Keys') return target.keys;
  if (target !== null && typeof target === 'object' && Object.hasOwn(target, name))
    return (target as Record<string, Value>)[name];
  throw new Error(`not read: .${name}`);
}

function item(target: Value, key: Value): Value {
  if (target instanceof Table) return target.at(key);
  return (target as Value[])[Number(key)] ?? null;
}

function cmdlet(scope: Scope, name: string, values: readonly Value[], named: ReadonlyMap<string, Value>): Value {
  const path = String(named.get('-literalpath') ?? '');
  switch (name) {
    case 'Write-Output':
      for (const each of values) output.get(top(scope).names)!.push(textOf(each));
      return undefined;
    case 'Join-Path':
      return join(String(values[0]), String(values[1]));
    case 'New-Object':
      return [];
    case 'Test-Path':
      try {
        const stats = statSync(path);
        return named.get('-pathtype') === 'Container' ? stats.isDirectory() : stats.isFile();
      } catch {
        return false;
      }
    case 'Get-Item':
      return entryAt(path);
    case 'Get-ChildItem':
      return readdirSync(path).map((each) => entryAt(join(path, each)));
    case 'Get-FileHash':
      if (named.get('-algorithm') !== 'SHA256') break;
      return { Hash: createHash('sha256').update(readFileSync(path)).digest('hex').toUpperCase() };
  }
  throw new Error(`not read: ${name}`);
}

function entryAt(path: string): Record<string, Value> {
  const stats = lstatSync(path);
  const isLink = stats.isSymbolicLink();
  return {
    FullName: path,
    PSIsContainer: stats.isDirectory(),
    Attributes: isLink ? 1024 : 0,
    LinkType: isLink ? 'SymbolicLink' : null,
  };
}

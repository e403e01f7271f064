/** A file that people take for a list of packages, and what it is. */
interface Kind {
  /** The first line that shows it is matched: `m` is set. */
  sign: RegExp;
  /** A further line that it must have. */
  also?: RegExp;
  /** Looked for in a YAML file too, where most signs could stand in a comment or text. */
  inYaml?: true;
  name: string;
  hint: string;
}

const BY_NAME = 'Name the packages that were asked for as MatchSpecs, a line each: what they need is solved anew.';
const LOCK =
  'Give it by --lock: then exactly what it names is delivered. Or name what was asked for as MatchSpecs, a line each.';
const PIP =
  'A conda channel holds conda packages only: name the conda packages of the same software as MatchSpecs, a line each.';

/** The first that fits is reported. Sources: conda's and mamba's docs on explicit files, conda-lock, rattler's lock format, pip's requirements format, PEP 621. */
const KINDS: readonly Kind[] = [
  {
    sign: /^[ \t]*@EXPLICIT\b/im,
    inYaml: true,
    name: 'an explicit lock (`conda list --explicit`): it lists URLs of packages, not what is asked for',
    hint: LOCK,
  },
  {
    sign: /^[ \t]*(?:https?|file):\/\/\S+\.(?:conda|tar\.bz2)(?:#\S*)?\s*$/im,
    name: 'a list of package URLs, an explicit lock without its @EXPLICIT',
    hint: LOCK,
  },
  {
    sign: /^package:\s*$/m,
    also: /^metadata:/m,
    inYaml: true,
    name: 'a conda-lock file (conda-lock.yml)',
    hint: LOCK,
  },
  {
    sign: /^environments:/m,
    also: /^packages:/m,
    inYaml: true,
    name: 'a lock of pixi or rattler (pixi.lock)',
    hint: LOCK,
  },
  {
    sign: /^[ \t]*\[\[package\]\]/m,
    name: 'a lock of a Python project (uv.lock, poetry.lock)',
    hint: PIP,
  },
  {
    sign: /^[ \t]*\[(?:project|workspace|dependencies|tool\.[\w.-]+|build-system|feature\.[\w.-]+)\]\s*$/m,
    name: 'a TOML file (pixi.toml, pyproject.toml)',
    hint: BY_NAME,
  },
  { sign: /^\s*[{[]\s*(?:["{[\]}]|$)/, name: 'a JSON file', hint: BY_NAME },
  {
    sign: /^\s*<(?:!doctype|html|\?xml)/i,
    name: 'a web page and no list of packages',
    hint: 'Download the file itself.',
  },
  {
    sign: /^[ \t]*(?:-[ref]\b|--(?:requirement|constraint|editable|index-url|extra-index-url|find-links|hash|pre|no-binary|only-binary|trusted-host)\b|(?:git|hg|svn|bzr)\+\S+|\S.*\s--hash[= ]|[\w.-]+\s*@\s*\w+(?:\+\w+)?:\/\/|[\w.-]+\s*\[[\w.,\s-]+\](?![^#]*::)\s*(?:$|[<>=!~;#])|[^#[\n]*;\s*(?:python_|sys_|os_|platform_|implementation_|extra\b))/m,
    name: 'a requirements file of pip',
    hint: PIP,
  },
];

/** What a text is that is no list of packages, and the line that shows it; undefined: nothing that is known. */
export function kindOfText(text: string, isYaml: boolean): { name: string; hint: string; line: number } | undefined {
  for (const { sign, also, inYaml, name, hint } of KINDS) {
    const match = isYaml && inYaml !== true ? null : sign.exec(text);
    if (match === null || also?.test(text) === false) continue;
    const start = match.index + match[0].length - match[0].trimStart().length;
    return { name, hint, line: text.slice(0, start).split('\n').length };
  }
  return undefined;
}

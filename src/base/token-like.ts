/** Tokens of anaconda.org, and of other servers that people give one of: for arguments and settings at the wrong place. */
export const TOKEN_LIKE =
  /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-|^[a-z]{2}-[0-9a-f]{8}-?[0-9a-f]{4}|^(?=.*\d)[0-9a-f]{32,128}$|^eyJ[\w-]{20,}|^(?:gh[pousr]_|glpat-|AKCp)\w{8,}/i;

/** A thing worth telling that does not stop the run. `exit: true` makes the program end with 1 ("done, with findings"). */
export interface Finding {
  /** Stable code, kebab-case: `pip-installed`, `unpublished`, `hotfixed`, `zst-older-than-json`, `index-rewritten`. */
  code: string;
  message: string;
  /** Package, file or URL (token-free) it is about. */
  subject?: string | undefined;
  exit: boolean;
  /** Shown as a warning though it does not change the exit code: somebody should look (design D6a). */
  warn?: boolean;
  /** What it is about, where the message also has what changes from night to night. */
  topic?: string;
}

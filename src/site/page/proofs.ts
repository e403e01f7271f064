import { wordForAnyShell, wordForSh, wordForWindows } from '../../base/shell-quote.js';
import { MANIFEST_NAME, SIGNATURE_NAME, SUMS_NAME } from '../../channel/manifest/manifest.js';
import { signatureNamespace } from '../signature/sign.js';
import type { PageCommands } from './view.js';

/** What the folder's path is called in the commands, before somebody at a site puts his own there. */
export function placeholderOf(label: string): string {
  return `/repos/${encodeURIComponent(label)}`;
}

/** How a site sees for itself that a label folder is whole, and who made it. `signed` undefined: it may be, before it is published. */
export function proofsOf({ label, signed }: { label: string; signed?: boolean | undefined }): PageCommands[] {
  const place = placeholderOf(label);
  const word = (text: string): string => wordForAnyShell(text) ?? wordForSh(text);
  const [manifest, signature] = [MANIFEST_NAME, SIGNATURE_NAME].map((name) => word(`${place}/${name}`));
  const onWindows = (text: string): string => wordForWindows(text) ?? `"${text}"`;
  return [
    {
      title: 'The bytes are those that were published',
      about: `${place} stands for the place of the folder, or of a copy of it.`,
      lines: [`cd ${word(place)}`, `sha256sum -c ${SUMS_NAME}`],
    },
    {
      title: 'The folder is whole, and nothing else is in it',
      about: `With the script that lies beside the folder; it compares with ${MANIFEST_NAME}.`,
      lines: [`sh ${word(`${place}.verify.sh`)} ${word(place)}`],
    },
    {
      title: 'The same on Windows',
      lines: [`powershell -NoProfile -ExecutionPolicy Bypass -File ${onWindows(`${label}.verify.ps1`)}`],
    },
    ...(signed === false
      ? []
      : [
          {
            title: 'Who made it',
            about: `${signed === undefined ? `Where ${SIGNATURE_NAME} lies in the folder: with` : 'With'} the public key of the vendor, that you got on another way than this folder, in a file allowed_signers (a line NAME ssh-ed25519 AAAA...).`,
            lines: [
              `ssh-keygen -Y verify -f allowed_signers -I NAME -n ${word(signatureNamespace(label))} -s ${signature} < ${manifest}`,
            ],
          },
        ]),
  ];
}

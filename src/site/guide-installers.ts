import { installerPlatform } from '../channel/installer-name.js';
import { INSTALLERS_NAME, type Manifest, type ManifestFile } from '../channel/manifest/manifest.js';
import { splitPath } from '../conda/channel/names.js';
import { onWindows, urlOf, word } from './guide-words.js';
import { code, commands, section } from './markdown.js';

/** From a machine that has nothing to one that has a client: by the installers in the folder. None where there is none. */
export function installersSection({ label, manifest }: { label: string; manifest: Manifest }, specs: string): string[] {
  const files = manifest.files.filter(({ path }) => path.startsWith(`${INSTALLERS_NAME}/`));
  if (files.length === 0) return [];
  return section('On a machine that has no conda yet', [
    'Installers lie in the folder. Check the folder first, as said below: a copy may have been cut. They need no internet.',
    ...files
      .map((file) => oneInstaller(label, file, specs))
      .flatMap((lines) => ['', lines])
      .flat(),
  ]);
}

function oneInstaller(label: string, { path, sha256 }: ManifestFile, specs: string): string[] {
  const [, name] = splitPath(path);
  const platform = installerPlatform(name);
  const about = `${code(name)}${platform === undefined ? '' : `, for ${platform}`} (sha256 \`${sha256}\`):`;
  const place = word(`/repos/${label}/${path}`);
  const onDisk = onWindows(`D:\\repos\\${label}\\${path.replace('/', '\\')}`);
  if (/^micromamba[^/]*$/i.test(name) && !/\.(tar|bz2|gz|zip|conda)$/i.test(name)) {
    const isExe = /\.exe$/i.test(name) || platform?.startsWith('win-') === true;
    const create = `create -n ${word(label)} --override-channels -c`;
    return [
      about,
      '',
      ...(isExe
        ? commands([
            `copy ${onDisk} micromamba.exe`,
            `.\\micromamba ${create} ${word(urlOf(label).replace('///', '///D:/'))} ${specs}`,
          ])
        : commands([
            `cp ${place} ./micromamba && chmod +x ./micromamba`,
            `./micromamba ${create} ${word(urlOf(label))} ${specs}`,
          ])),
    ];
  }
  if (/\.sh$/i.test(name)) {
    return [
      about,
      '',
      ...commands([`sh ${place} -b -p "$HOME/conda"`, '. "$HOME/conda/etc/profile.d/conda.sh"']),
      '',
      'then go on as under "Install".',
    ];
  }
  if (/\.exe$/i.test(name)) {
    return [
      `${about} in cmd.exe`,
      '',
      ...commands([
        `start "" /wait ${onDisk} /InstallationType=JustMe /RegisterPython=0 /S /D=%UserProfile%\\conda`,
        '%UserProfile%\\conda\\condabin\\conda.bat activate',
      ]),
      '',
      'then go on as under "Install".',
    ];
  }
  return [`${about} as its maker says; it lies in ${code(`/repos/${label}/${INSTALLERS_NAME}`)}.`];
}

import path from 'node:path';

export type Scheduler = 'cron' | 'systemd' | 'windows';

export interface ScheduleRequest {
  scheduler: Scheduler;
  /** Absolute. */
  root: string;
  /** node and the program, absolute. */
  program: readonly string[];
  /** `02:30` */
  at: string;
}

export interface ScheduleFile {
  name: string;
  text: string;
  encoding: 'utf8' | 'utf16le';
  /** A command that puts it in force. */
  install: string;
}

const TOKEN_NOTE =
  'The token: a scheduler does not have the variables of your shell. Give token_file: in repackenv.yml';

/** Ready files for a nightly `update --all`. */
export function schedulerFiles({ scheduler, root, program, at }: ScheduleRequest): ScheduleFile[] {
  const [hour = '2', minute = '30'] = at.split(':');
  const args = [...program, 'update', '--all', '--root', root, '--quiet'];
  if (scheduler === 'cron') return [crontab(args, `${Number(minute)} ${Number(hour)}`)];
  if (scheduler === 'systemd') return systemd(args, `${hour.padStart(2, '0')}:${minute}`);
  return [task(args, `${hour.padStart(2, '0')}:${minute}`)];
}

/** crontab(5): `%` is a line feed unless a backslash stands before it, also between quotes. */
function crontab(args: readonly string[], when: string): ScheduleFile {
  const line = args.map(shellWord).join(' ').replaceAll('%', '\\%');
  const text = [
    `# Mails only what needs somebody. ${TOKEN_NOTE},`,
    '# or a line CONDA_TOKEN=… here.',
    `${when} * * * ${line}`,
    '',
  ];
  return {
    name: 'repackenv.cron',
    text: text.join('\n'),
    encoding: 'utf8',
    install: '(crontab -l; cat repackenv.cron) | crontab -',
  };
}

function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** systemd.service(5), "Command lines": `%`, `$` and backslash have a meaning in quotes too. */
function systemd(args: readonly string[], at: string): ScheduleFile[] {
  const word = (text: string): string =>
    `"${text
      .replaceAll('\\', String.raw`\\`)
      .replaceAll('"', String.raw`\"`)
      .replaceAll('%', '%%')
      .replaceAll('$', '$$$$')}"`;
  const service = [
    '[Unit]',
    'Description=Offline conda channels for all customers',
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    'Type=oneshot',
    `# ${TOKEN_NOTE},`,
    '# or a line EnvironmentFile=/etc/repackenv.env here.',
    `ExecStart=${args.map(word).join(' ')}`,
    '# Findings (1) are no failure.',
    'SuccessExitStatus=1',
    '',
  ];
  const timer = [
    '[Unit]',
    'Description=Offline conda channels, nightly',
    '',
    '[Timer]',
    `OnCalendar=*-*-* ${at}:00`,
    'Persistent=true',
    '',
    '[Install]',
    'WantedBy=timers.target',
    '',
  ];
  const install =
    'sudo cp repackenv.service repackenv.timer /etc/systemd/system/ && sudo systemctl enable --now repackenv.timer';
  return [
    { name: 'repackenv.service', text: service.join('\n'), encoding: 'utf8', install },
    { name: 'repackenv.timer', text: timer.join('\n'), encoding: 'utf8', install },
  ];
}

/** Task Scheduler 1.2; `schtasks /Create /XML` takes UTF-16. */
function task([command = '', ...args]: readonly string[], at: string): ScheduleFile {
  const text = [
    '<?xml version="1.0" encoding="UTF-16"?>',
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    `  <RegistrationInfo><Description>${xml(`repackenv update --all. ${TOKEN_NOTE}.`)}</Description></RegistrationInfo>`,
    '  <Triggers>',
    '    <CalendarTrigger>',
    `      <StartBoundary>2026-01-01T${at}:00</StartBoundary>`,
    '      <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>',
    '    </CalendarTrigger>',
    '  </Triggers>',
    '  <Settings>',
    '    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
    '    <StartWhenAvailable>true</StartWhenAvailable>',
    '  </Settings>',
    '  <Actions>',
    '    <Exec>',
    `      <Command>${xml(command)}</Command>`,
    `      <Arguments>${xml(args.map(windowsWord).join(' '))}</Arguments>`,
    `      <WorkingDirectory>${xml(path.win32.dirname(command))}</WorkingDirectory>`,
    '    </Exec>',
    '  </Actions>',
    '</Task>',
    '',
  ];
  const install = String.raw`schtasks /Create /TN repackenv /XML repackenv-task.xml`;
  return { name: 'repackenv-task.xml', text: `\uFEFF${text.join('\r\n')}`, encoding: 'utf16le', install };
}

/** As a program of the C runtime takes its command line apart: backslashes count before a quote only. */
function windowsWord(word: string): string {
  if (/^[^\s"]+$/.test(word)) return word;
  return `"${word.replaceAll(/(\\*)"/g, String.raw`$1$1\"`).replace(/(\\+)$/, '$1$1')}"`;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** What `rattler-client.py` is asked to install from a channel's URL, on the machines that a label is made for where nobody says. */
export function rattlerRequest(channel: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    channel,
    specs: ['ratingpro', 'pytho'],
    subdir: 'linux-64',
    pip: true,
    virtual: [
      ['__unix', '0'],
      ['__linux', '4.18'],
      ['__glibc', '2.17'],
    ],
    ...more,
  });
}

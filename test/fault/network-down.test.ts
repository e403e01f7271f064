import { afterEach, expect, it } from 'vitest';
import type { RepackEvent } from '../../src/base/events.js';
import { eventText } from '../../src/cli/reporter/event-text.js';
import type { Channel } from '../../src/conda/channel/channel.js';
import { file, resetBeforeHeaders } from '../helpers/chaos-server.js';
import { startChaosUpstream, type ChaosUpstream } from '../helpers/chaos-upstream.js';
import { openTestGateway, type TestGateway } from '../helpers/gateway.js';
import { undiciHttp } from '../../src/runtime/http.js';
import { fakeClock, testRuntime } from '../helpers/runtime.js';

let upstream: ChaosUpstream | undefined;
let gateway: TestGateway | undefined;
afterEach(async () => {
  await gateway?.close();
  await upstream?.close();
  [gateway, upstream] = [undefined, undefined];
});

/** What a person sees without --debug. */
const linesOf = (events: readonly RepackEvent[]): string[] =>
  events.flatMap((event) => {
    const line = eventText(event);
    return event.type === 'retry' && line?.level === 'warning' ? [line.text] : [];
  });

it('N1 hosts that are down: one line each, however many subdirs and channels are asked for', async () => {
  // Nothing listens there.
  const hosts = ['https://127.0.0.1:1', 'https://127.0.0.2:1'];
  const channels = hosts.flatMap((host) =>
    ['one', 'two'].map((name): Channel => ({ url: `${host}/${name}`, name, authenticated: false, role: 'base' })),
  );
  const rt = testRuntime({ http: undiciHttp(), clock: fakeClock() });
  gateway = await openTestGateway({ channels, token: null, rt });
  const subdirs = ['noarch', 'linux-64', 'win-64', 'osx-arm64'];
  const asked = channels.flatMap((channel) => subdirs.map((subdir) => gateway!.repodata(channel, subdir)));
  for (const { status } of await Promise.allSettled(asked)) expect(status).toBe('rejected');
  expect(rt.collected.filter(({ type }) => type === 'retry').length).toBeGreaterThan(24);
  const lines = linesOf(rt.collected);
  expect(lines).toHaveLength(hosts.length);
  for (const host of hosts) expect(lines.join('\n')).toContain(`ECONNREFUSED (${host}/`);
});

it('N1 a host that has answered meanwhile is told anew', async () => {
  upstream = await startChaosUpstream();
  const { bytes } = upstream.package;
  const rt = testRuntime({ http: undiciHttp(), clock: fakeClock() });
  gateway = await upstream.open({ rt });
  upstream.scriptArtifact(resetBeforeHeaders(), resetBeforeHeaders(), file(bytes));
  await gateway.download(upstream.planned);
  expect(linesOf(rt.collected)).toHaveLength(1);
  upstream.scriptArtifact(resetBeforeHeaders(), file(bytes));
  const again = await openTestGateway({ channels: [upstream.channel], ca: [upstream.ca.cert], rt });
  await again.download(upstream.planned).finally(() => again.close());
  expect(linesOf(rt.collected)).toHaveLength(2);
});

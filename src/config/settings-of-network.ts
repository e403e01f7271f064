import { z } from 'zod';
import { text, texts, type Stated, whole } from './stated.js';

/** Of the settings' table, how channels are reached. */
export const NETWORK_STATED = {
  channelLogins: {
    group: 'Network',
    flag: 'channel-login',
    value: 'HOST=env:NAME|HOST=file:PATH',
    help: 'user:password, or a bearer token, for the channels at HOST or HOST:PORT: sent to no other',
    schema: texts,
  },
  netrc: {
    group: 'Network',
    value: 'FILE',
    wordless: true,
    path: true,
    help: 'take users and passwords for channels from the user’s netrc, or from FILE; write it last',
    schema: z.union([z.boolean(), text]).optional(),
    defaultText: 'no netrc is read',
  },
  allowHttp: {
    group: 'Network',
    value: 'HOST',
    help: 'allow http:// for this host’s channels without a token (loopback is always allowed)',
    schema: texts,
  },
  maxIndexMb: {
    group: 'Network',
    value: 'MB',
    help: 'the largest index of a channel that is read, unpacked, in MB',
    schema: whole(1, 1_500, 'MB').default(450),
  },
  requestsPerSecond: {
    group: 'Network',
    value: 'N',
    help: 'at most so many requests a second to one host of channels; with `work`, of all workers together',
    schema: whole(1, 1_000, 'requests').optional(),
    defaultText: 'as many as come',
  },
  proxy: {
    group: 'Network',
    value: 'URL',
    help: 'proxy to the outside; also taken from https_proxy',
    schema: z
      .string()
      .regex(/^https?:\/\/\S+$/, 'must be a URL that begins with http:// or https://')
      .optional(),
  },
  noProxy: {
    group: 'Network',
    flag: 'proxy-bypass',
    value: 'HOST',
    help: 'host that is reached without the proxy; also taken from no_proxy',
    schema: texts,
  },
  caFiles: {
    group: 'Network',
    flag: 'ca-file',
    value: 'FILE',
    path: true,
    help: 'PEM file with an own certificate authority; also taken from SSL_CERT_FILE',
    schema: z.array(text).default([]),
  },
} satisfies Record<string, Stated>;

import type { PublicResponse } from '../runtime/http-door.js';

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  405: 'Method Not Allowed',
  412: 'Precondition Failed',
  416: 'Range Not Satisfiable',
  503: 'Service Unavailable',
};

/** An answer without a file. Text, never a bare number or an object: conda takes JSON for an answer with reasons. */
export function plainAnswer(status: number, headers: Readonly<Record<string, string>> = {}): PublicResponse {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...headers },
    body: new TextEncoder().encode(`${status} ${REASONS[status] ?? ''}\n`),
  };
}

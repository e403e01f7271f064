/** What asks a server to answer 304 where its file is still that of the cache. */
export function conditions(
  cached: { etag: string | undefined; lastModified: string | undefined } | undefined,
): Record<string, string> {
  if (cached?.etag !== undefined) return { 'if-none-match': cached.etag };
  return cached?.lastModified === undefined ? {} : { 'if-modified-since': cached.lastModified };
}

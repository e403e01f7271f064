/**
 * Where mamba from 2.6 on keeps the archives of a channel's subdir within a package cache: `https/conda.anaconda.org/acme/linux-64`, without
 * token and login (`package_cache_folder_relative_path`, mamba `libmamba/src/core/package_cache.cpp`). Older ones and every conda keep them
 * flat. `channelUrl` is token-free.
 */
export function channelFolderInCache(channelUrl: string, subdir: string): string {
  return `${channelUrl.replace(/\/+$/, '')}/${subdir}`.replaceAll('://', '/').replace(/[:\\]/g, '_');
}

// Owns where the store lies when nobody says. Touches no disk.

import os from "node:os";
import path from "node:path";

/**
 * The store's folder: $REDLINE_HOME, else the platform's cache folder: `%LOCALAPPDATA%\redline`,
 * `~/Library/Caches/redline`, or `redline` in $XDG_CACHE_HOME or `~/.cache`.
 */
export function defaultRoot(
  on: {
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly platform?: NodeJS.Platform;
    readonly home?: string;
  } = {},
): string {
  const { env = process.env, platform = process.platform, home = os.homedir() } = on;
  const { REDLINE_HOME, LOCALAPPDATA, XDG_CACHE_HOME } = env;
  if (REDLINE_HOME) return path.resolve(REDLINE_HOME);
  if (platform === "win32") return path.join(LOCALAPPDATA || path.join(home, "AppData", "Local"), "redline");
  if (platform === "darwin") return path.join(home, "Library", "Caches", "redline");
  // The XDG specification says that a relative path there is to be ignored.
  const cache =
    XDG_CACHE_HOME && path.isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : path.join(home, ".cache");
  return path.join(cache, "redline");
}

// Owns the spelling of a source: where a model file can be had from. Knows no network and no disk.
// Invariant: a parsed source is safe to follow: an exact version, an https address, a path without a way out.

import path from "node:path";

/** One file of one exact version of an npm package. */
export interface NpmSource {
  readonly scheme: "npm";
  readonly packageName: string;
  readonly version: string;
  /** The file's path inside the package, with forward slashes. */
  readonly file: string;
}

/** A file on a web server. */
export interface HttpsSource {
  readonly scheme: "https";
  readonly url: string;
}

/** A file beside the manifest, used in place. */
export interface FileSource {
  readonly scheme: "file";
  /** Relative to the manifest's folder, with forward slashes. */
  readonly file: string;
}

/** One file of the wheel of one exact version on the Python package index. */
export interface PypiSource {
  readonly scheme: "pypi";
  readonly packageName: string;
  readonly version: string;
  /** The file's path inside the wheel, with forward slashes. */
  readonly file: string;
}

/** One file of a model repository on the Hugging Face hub. */
export interface HfSource {
  readonly scheme: "hf";
  /** `owner/name`. */
  readonly repository: string;
  /** A commit; a branch or tag is resolved to one when it is fetched. */
  readonly revision: string;
  readonly file: string;
}

/** A source that is fetched. */
export type RemoteSource = NpmSource | HttpsSource | PypiSource | HfSource;

export type Source = RemoteSource | FileSource;

/** Why a source cannot be used: it is misspelt, or its path leads out. */
export interface SourceFlaw {
  readonly flaw: "spelling" | "path";
  readonly expected: string;
}

const NPM = /^npm:((?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)@([^/@]+)\/(.+)$/;
// An exact version only: a range or a tag could name other bytes tomorrow.
const EXACT_VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

/** Reads a source as a manifest spells it, or says what is wrong with it. */
export function parseSource(text: string): Source | SourceFlaw {
  if (text.startsWith("npm:")) return parseNpm(text);
  if (text.startsWith("pypi:")) return parsePypi(text);
  if (text.startsWith("hf:")) return parseHf(text);
  if (text.startsWith("https:")) return parseHttps(text);
  if (text.startsWith("file:")) {
    const file = text.slice("file:".length);
    return leadsOut(file) ? { flaw: "path", expected: INSIDE } : { scheme: "file", file };
  }
  return { flaw: "spelling", expected: "a source starting with npm:, pypi:, hf:, https: or file:" };
}

/** A source as a manifest spells it. */
export function spellSource(source: Source): string {
  switch (source.scheme) {
    case "npm":
      return `npm:${source.packageName}@${source.version}/${source.file}`;
    case "pypi":
      return `pypi:${source.packageName}==${source.version}/${source.file}`;
    case "hf":
      return `hf:${source.repository}@${source.revision}/${source.file}`;
    case "https":
      return source.url;
    case "file":
      return `file:${source.file}`;
  }
}

/** What a path in a manifest must be. */
export const INSIDE = "a relative path inside the manifest's folder";

/**
 * Whether a path in a manifest is absolute or climbs out of its folder, on any operating system: a manifest written
 * on Linux is read on Windows.
 */
export function leadsOut(file: string): boolean {
  if (file === "" || file.includes("\0")) return true;
  if (path.posix.isAbsolute(file) || path.win32.isAbsolute(file) || /^[a-zA-Z]:/.test(file)) return true;
  return file.split(/[\\/]/).includes("..");
}

function parseNpm(text: string): Source | SourceFlaw {
  const [, packageName, version, file] = NPM.exec(text) ?? [];
  if (packageName === undefined || version === undefined || file === undefined) {
    return { flaw: "spelling", expected: "npm:NAME@VERSION/PATH" };
  }
  if (!EXACT_VERSION.test(version)) {
    return { flaw: "spelling", expected: "an exact version, as in npm:NAME@1.2.3/PATH" };
  }
  return leadsOut(file)
    ? { flaw: "path", expected: "a path inside the package" }
    : { scheme: "npm", packageName, version, file };
}

// Names and versions as PEP 508 and PEP 440 spell them; a version with a star would be a range.
const PYPI =
  /^pypi:([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==((?:\d+!)?\d[A-Za-z0-9.]*(?:[+-][A-Za-z0-9.]+)?)\/(.+)$/;

function parsePypi(text: string): Source | SourceFlaw {
  const [, packageName, version, file] = PYPI.exec(text) ?? [];
  if (packageName === undefined || version === undefined || file === undefined) {
    return { flaw: "spelling", expected: "pypi:NAME==VERSION/PATH with an exact version" };
  }
  return leadsOut(file)
    ? { flaw: "path", expected: "a path inside the wheel" }
    : { scheme: "pypi", packageName, version, file };
}

const HF = /^hf:([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)@([A-Za-z0-9][\w.-]*)\/(.+)$/;

function parseHf(text: string): Source | SourceFlaw {
  const [, repository, revision, file] = HF.exec(text) ?? [];
  if (repository === undefined || revision === undefined || file === undefined || /[?#%\\]/.test(file)) {
    return { flaw: "spelling", expected: "hf:OWNER/REPOSITORY@REVISION/PATH" };
  }
  return leadsOut(file)
    ? { flaw: "path", expected: "a path inside the repository" }
    : { scheme: "hf", repository, revision, file };
}

function parseHttps(text: string): Source | SourceFlaw {
  if (!URL.canParse(text)) return { flaw: "spelling", expected: "https://HOST/PATH" };
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") {
    return { flaw: "spelling", expected: "an address without a user name or password" };
  }
  return { scheme: "https", url: url.href };
}

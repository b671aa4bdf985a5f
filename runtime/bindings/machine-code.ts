// Owns reading the header of a file of machine code: ELF, Mach-O or PE. Loads and runs nothing.
// Invariant: no content of a file makes it throw; what cannot be read is `null` or shorter than its header says.

/** What the header of a shared library or program says. */
export interface MachineCode {
  readonly platform: "linux" | "darwin" | "win32";
  /** As `process.arch` names it, or the format's own number. */
  readonly arch: string;
  /** The length of the file that its header speaks of: a shorter file is cut off, and mapping it can end the process. */
  readonly bytes: number;
  /** The C library it was made for; null where the header does not say. */
  readonly libc: "glibc" | "musl" | null;
}

const ELF_ARCHES: Readonly<Record<number, string>> = { 3: "ia32", 40: "arm", 62: "x64", 183: "arm64" };
const MACHO_ARCHES: Readonly<Record<number, string>> = { 16777223: "x64", 16777228: "arm64" };
const PE_ARCHES: Readonly<Record<number, string>> = { 332: "ia32", 34404: "x64", 43620: "arm64" };

/** Reads a header from a file's first bytes: 4 KiB hold nearly every one, the whole file also tells the C library. */
export function readMachineCode(file: Buffer): MachineCode | null {
  try {
    if (file.readUInt32BE(0) === 0x7f454c46) return readElf(file);
    if (file.readUInt32LE(0) === 0xfeedfacf) return readMachO(file);
    if (file.readUInt16LE(0) === 0x5a4d) return readPe(file);
  } catch (error) {
    // A header that ends too early; anything else is a mistake of ours.
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
}

function readElf(file: Buffer): MachineCode | null {
  // 64 bits, little-endian: every platform Node still runs on.
  if (file[4] !== 2 || file[5] !== 1) return null;
  const sectionsAt = Number(file.readBigUInt64LE(40));
  const sectionBytes = file.readUInt16LE(58) * file.readUInt16LE(60);
  const segmentsAt = Number(file.readBigUInt64LE(32));
  const segmentBytes = file.readUInt16LE(54);
  const segments = Array.from({ length: file.readUInt16LE(56) }, (_, index): Segment => {
    const at = segmentsAt + index * segmentBytes;
    return {
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 8)),
      address: Number(file.readBigUInt64LE(at + 16)),
      bytes: Number(file.readBigUInt64LE(at + 32)),
    };
  });
  const ends = segments.map(({ offset, bytes }) => offset + bytes);
  const machine = file.readUInt16LE(18);
  return {
    platform: "linux",
    arch: ELF_ARCHES[machine] ?? `ELF machine ${machine}`,
    bytes: Math.max(64, sectionsAt + sectionBytes, ...ends),
    libc: libcOf([...interpreters(file, segments), ...libraries(file, segments)]),
  };
}

function libcOf(names: readonly string[]): MachineCode["libc"] {
  if (names.some((name) => name.includes("ld-musl") || /^libc\.(musl-.*\.so\.1|so)$/.test(name)))
    return "musl";
  return names.some((name) => name === "libc.so.6" || name.includes("ld-linux")) ? "glibc" : null;
}

/** The program loader a program names: segment type 3. */
function interpreters(file: Buffer, segments: readonly Segment[]): string[] {
  return segments
    .filter(({ type, offset, bytes }) => type === 3 && offset + bytes <= file.length)
    .map(({ offset }) => readString(file, offset));
}

/** The libraries a file needs: entries with tag 1 of the dynamic segment (type 2), names in the table of tag 5. */
function libraries(file: Buffer, segments: readonly Segment[]): string[] {
  const dynamic = segments.find(({ type }) => type === 2);
  if (dynamic === undefined || dynamic.offset + dynamic.bytes > file.length) return [];
  const entries: { tag: number; value: number }[] = [];
  for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.bytes; at += 16) {
    entries.push({ tag: Number(file.readBigInt64LE(at)), value: Number(file.readBigUInt64LE(at + 8)) });
  }
  const table = entries.find(({ tag }) => tag === 5)?.value;
  const holder = segments.find(
    ({ type, address, bytes }) =>
      type === 1 && table !== undefined && table >= address && table < address + bytes,
  );
  if (table === undefined || holder === undefined) return [];
  const namesAt = table - holder.address + holder.offset;
  return entries.filter(({ tag }) => tag === 1).map(({ value }) => readString(file, namesAt + value));
}

function readString(file: Buffer, at: number): string {
  if (at >= file.length) return "";
  const end = file.indexOf(0, at);
  return file.toString("latin1", at, end < 0 ? file.length : end);
}

function readMachO(file: Buffer): MachineCode {
  const cpu = file.readUInt32LE(4);
  let bytes = 32;
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    const isSegment = file.readUInt32LE(at) === 0x19;
    if (isSegment) {
      bytes = Math.max(bytes, Number(file.readBigUInt64LE(at + 40) + file.readBigUInt64LE(at + 48)));
    }
    at += file.readUInt32LE(at + 4);
  }
  return { platform: "darwin", arch: MACHO_ARCHES[cpu] ?? `Mach-O processor ${cpu}`, bytes, libc: null };
}

function readPe(file: Buffer): MachineCode | null {
  const header = file.readUInt32LE(0x3c);
  if (file.readUInt32BE(header) !== 0x50450000) return null;
  const machine = file.readUInt16LE(header + 4);
  const sectionsAt = header + 24 + file.readUInt16LE(header + 20);
  const sections = Array.from({ length: file.readUInt16LE(header + 6) }, (_, index) => {
    const at = sectionsAt + index * 40;
    return file.readUInt32LE(at + 16) + file.readUInt32LE(at + 20);
  });
  const arch = PE_ARCHES[machine] ?? `PE machine ${machine}`;
  return { platform: "win32", arch, bytes: Math.max(header, ...sections), libc: null };
}

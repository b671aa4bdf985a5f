// Owns reading what a shared library asks of its system and offers to it: imports, exports, signature, of ELF, Mach-O and PE.
// For tests of files that cannot be run here; throws on a file it does not understand.

/** What a linker would see. */
export interface MachineFile {
  /** Libraries named by the file. */
  readonly libraries: readonly string[];
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** ELF: versions of symbols asked for, such as `GLIBC_2.17`. */
  readonly versions: readonly string[];
  /** Mach-O: whether it carries a code signature, without which an ARM Mac refuses it. */
  readonly isSigned: boolean;
  /** Mach-O: the oldest macOS it is for, such as `11.0`. */
  readonly oldestSystem: string | undefined;
}

const NOTHING = { versions: [], isSigned: false, oldestSystem: undefined };

export function readMachineFile(file: Buffer): MachineFile {
  if (file.readUInt32BE(0) === 0x7f454c46) return readElf(file);
  if (file.readUInt32LE(0) === 0xfeedfacf) return readMachO(file);
  if (file.readUInt16LE(0) === 0x5a4d) return readPe(file);
  throw new Error("neither ELF, Mach-O nor PE");
}

function text(file: Buffer, at: number): string {
  return file.toString("latin1", at, file.indexOf(0, at));
}

function u64(file: Buffer, at: number): number {
  return Number(file.readBigUInt64LE(at));
}

/** Sections by type: 6 dynamic, 11 dynamic symbols, 0x6ffffffe needed versions; each links to its table of strings. */
function readElf(file: Buffer): MachineFile {
  const sections = Array.from({ length: file.readUInt16LE(60) }, (_, index) => {
    const at = u64(file, 40) + index * 64;
    return {
      type: file.readUInt32LE(at + 4),
      offset: u64(file, at + 24),
      bytes: u64(file, at + 32),
      link: file.readUInt32LE(at + 40),
      info: file.readUInt32LE(at + 44),
    };
  });
  const stringsOf = (section: { link: number }): number => sections[section.link]!.offset;
  const libraries: string[] = [];
  for (const section of sections.filter(({ type }) => type === 6)) {
    for (let at = section.offset; at < section.offset + section.bytes; at += 16) {
      if (u64(file, at) === 1) libraries.push(text(file, stringsOf(section) + u64(file, at + 8)));
    }
  }
  const imports: string[] = [];
  const exports: string[] = [];
  for (const section of sections.filter(({ type }) => type === 11)) {
    // The first symbol is the null symbol.
    for (let at = section.offset + 24; at < section.offset + section.bytes; at += 24) {
      const isDefined = file.readUInt16LE(at + 6) !== 0;
      (isDefined ? exports : imports).push(text(file, stringsOf(section) + file.readUInt32LE(at)));
    }
  }
  return {
    ...NOTHING,
    libraries,
    imports,
    exports,
    versions: sections.flatMap((section) => versionsOf(section)),
  };

  function versionsOf(section: { type: number; offset: number; link: number; info: number }): string[] {
    if (section.type !== 0x6ffffffe) return [];
    const found: string[] = [];
    let need = section.offset;
    for (let left = section.info; left > 0; left -= 1) {
      let entry = need + file.readUInt32LE(need + 8);
      for (let names = file.readUInt16LE(need + 2); names > 0; names -= 1) {
        found.push(text(file, stringsOf(section) + file.readUInt32LE(entry + 8)));
        entry += file.readUInt32LE(entry + 12);
      }
      need += file.readUInt32LE(need + 12);
    }
    return found;
  }
}

/** Load commands: 2 symbol table, 0xc a library, 0x1d the signature, 0x32 the system it is built for. */
function readMachO(file: Buffer): MachineFile {
  const libraries: string[] = [];
  const imports: string[] = [];
  const exports: string[] = [];
  let isSigned = false;
  let oldestSystem: string | undefined;
  let at = 32;
  for (let left = file.readUInt32LE(16); left > 0; left -= 1) {
    const command = file.readUInt32LE(at);
    if (command === 0xc) libraries.push(text(file, at + file.readUInt32LE(at + 8)));
    if (command === 0x1d) isSigned = file.readUInt32BE(file.readUInt32LE(at + 8)) === 0xfade0cc0;
    if (command === 0x32) oldestSystem = `${file.readUInt16LE(at + 14)}.${file[at + 13]}`;
    if (command === 2) {
      const strings = file.readUInt32LE(at + 16);
      for (let index = 0; index < file.readUInt32LE(at + 12); index += 1) {
        const symbol = file.readUInt32LE(at + 8) + index * 16;
        const type = file[symbol + 4]!;
        // Bits: external 0x01, private external 0x10, kind 0x0e (0 is undefined); a debugging entry has one of 0xe0.
        if ((type & 0xe0) !== 0 || (type & 0x11) !== 0x01) continue;
        const name = text(file, strings + file.readUInt32LE(symbol));
        ((type & 0x0e) === 0 ? imports : exports).push(name);
      }
    }
    at += file.readUInt32LE(at + 4);
  }
  return { ...NOTHING, libraries, imports, exports, isSigned, oldestSystem };
}

function readPe(file: Buffer): MachineFile {
  const header = file.readUInt32LE(0x3c);
  const optional = header + 24;
  const sectionsAt = optional + file.readUInt16LE(header + 20);
  const sections = Array.from({ length: file.readUInt16LE(header + 6) }, (_, index) => {
    const at = sectionsAt + index * 40;
    const address = file.readUInt32LE(at + 12);
    return { address, bytes: file.readUInt32LE(at + 16), offset: file.readUInt32LE(at + 20) };
  });
  const at = (address: number): number => {
    const section = sections.find((one) => address >= one.address && address < one.address + one.bytes);
    if (section === undefined) throw new Error(`no section holds address ${address}`);
    return address - section.address + section.offset;
  };
  // The table of directories starts at 112 of a 64-bit optional header: exports, imports, ..., delayed imports at 13.
  const directory = (index: number): number => file.readUInt32LE(optional + 112 + index * 8);
  const libraries: string[] = [];
  const imports: string[] = [];
  const tables = [
    { start: directory(1), bytes: 20, name: 12, names: 0 },
    { start: directory(13), bytes: 32, name: 4, names: 16 },
  ];
  for (const table of tables.filter(({ start }) => start !== 0)) {
    for (let entry = at(table.start); file.readUInt32LE(entry + table.name) !== 0; entry += table.bytes) {
      libraries.push(text(file, at(file.readUInt32LE(entry + table.name))));
      let thunk = at(file.readUInt32LE(entry + table.names));
      for (; u64(file, thunk) !== 0; thunk += 8) {
        const isByNumber = (file[thunk + 7]! & 0x80) !== 0;
        if (!isByNumber) imports.push(text(file, at(file.readUInt32LE(thunk)) + 2));
      }
    }
  }
  const exports: string[] = [];
  if (directory(0) !== 0) {
    const table = at(directory(0));
    const names = at(file.readUInt32LE(table + 32));
    for (let index = 0; index < file.readUInt32LE(table + 24); index += 1) {
      exports.push(text(file, at(file.readUInt32LE(names + index * 4))));
    }
  }
  return { ...NOTHING, libraries, imports, exports };
}

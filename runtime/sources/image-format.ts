// Owns what an image file's first bytes tell: its format, and how often a JPEG goes over its pixels. Decodes nothing.

/** The formats that are read, by content. */
export type ImageFormat = "jpeg" | "png" | "webp" | "tiff" | "avif";

/** The format of a file; null for any other, whatever it is called. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 12)).toString("latin1");
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("RIFF") && head.endsWith("WEBP")) return "webp";
  if (/^(II[*+]\0|MM\0[*+])/.test(head)) return "tiff";
  return head.slice(4, 8) === "ftyp" ? "avif" : null;
}

const START_OF_SCAN = 0xda;

/** The scans of a JPEG, counted up to one more than `most`. Bytes of coded data never look like the start of one. */
export function scansOf(bytes: Uint8Array, most: number): number {
  let scans = 0;
  for (let at = 2; at + 3 < bytes.length && scans <= most; ) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) break;
    const marker = bytes[at + 1] ?? 0;
    // Filling, a stuffed byte, or a marker without a length: coded data goes on.
    if (marker === 0xff || marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd9)) {
      at += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === START_OF_SCAN) scans += 1;
    // What lies in a segment, a thumbnail say, is passed over.
    at += 2 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0));
  }
  return scans;
}

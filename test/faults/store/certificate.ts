// Owns a certificate of the tests' own for local https servers. Null where there is no openssl to make one.

import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { makeFolder } from "../../unit/store/catalogue-folder.js";

export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** What NODE_EXTRA_CA_CERTS must name for a process to trust it. */
  readonly file: string;
}

export async function makeCertificate(): Promise<Certificate | null> {
  const folder = await makeFolder();
  const [key, cert] = [path.join(folder, "key.pem"), path.join(folder, "cert.pem")];
  try {
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
    execFileSync("openssl", [...request, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
  } catch {
    console.warn("https is not tested here: openssl is not installed");
    return null;
  }
  return { key: await readFile(key), cert: await readFile(cert), file: cert };
}

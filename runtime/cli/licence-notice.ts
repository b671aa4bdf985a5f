// Owns how a model's licence is shown when it is pulled for the first time. Knows no store.

import type { LicenceNotice } from "../index.js";
import type { Output } from "./output.js";

/** A listener for the store. */
export function licenceNotice(output: Output): (notice: LicenceNotice) => void {
  return (notice) => {
    const { model, version, licence, provenance, textPath } = notice;
    const text = textPath === null ? "" : `, text in ${textPath}`;
    output.event(
      { type: "licence", ...notice },
      `${model} ${version} is licensed ${licence} (${provenance})${text}`,
    );
  };
}

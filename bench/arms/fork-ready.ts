// Owns the shortest Node program a parent can wait for: it says that it is there. Loads nothing.

process.send?.("ready");
process.once("disconnect", () => process.exit(0));

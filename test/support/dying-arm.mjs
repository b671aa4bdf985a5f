// Owns a stand-in for a process that tries mutants: an input seed of 1 kills it, 2 kills it just
// after its answer, 3 is an error, 4 is never answered.

process.on("message", ({ payload }) => {
  if (payload.inputSeed === 1) process.kill(process.pid, "SIGSEGV");
  else if (payload.inputSeed === 3) process.send({ error: "none of ours" });
  else if (payload.inputSeed !== 4)
    process.send({ answer: { kind: "settled", outcome: `by ${process.pid}`, message: "" } });
  if (payload.inputSeed === 2) setTimeout(() => process.kill(process.pid, "SIGABRT"), 20);
});
process.once("disconnect", () => process.exit(0));
process.send({ answer: "ready" });

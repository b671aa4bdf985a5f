// Owns the control of the start scenario: a process that loads nothing.

console.log(
  JSON.stringify({ atUs: Number(process.hrtime.bigint() / 1000n), probability: 0, provider: "none" }),
);

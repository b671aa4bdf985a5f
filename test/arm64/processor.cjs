// Owns which ARM64 processor is emulated, and what its system tells of it.

/** The oldest with what the boards of today have: half-precision arithmetic and dot products. */
exports.CPU = "cortex-a76";

/** Its /proc/cpuinfo. ONNX Runtime asks at load; shown the one of the machine underneath it crashes. */
exports.CPUINFO = `processor\t: 0
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1
`;

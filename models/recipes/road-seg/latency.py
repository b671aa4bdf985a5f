"""Times the teacher and the student on one thread, turn by turn, so that a busy machine slows all of them alike.

Owns: the comparison. Knows nothing of accuracy.
Invariant: every file runs once in each round, and denormals are flushed for all.
"""

import argparse
import time

import numpy as np

import teacher

WARM_UP = 5


def main():
    parser = argparse.ArgumentParser(description="Compare latency on one thread.")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("files", nargs="+", help="name=file.onnx")
    options = parser.parse_args()
    files = dict(item.split("=", 1) for item in options.files)
    sessions = {name: teacher.open_session(path) for name, path in files.items()}
    image = np.random.default_rng(0).random((1, 3, 320, 320), dtype=np.float32)
    times = {name: [] for name in files}
    for _ in range(options.rounds + WARM_UP):
        for name, session in sessions.items():
            begun = time.perf_counter()
            session.run(None, {session.get_inputs()[0].name: image})
            times[name].append((time.perf_counter() - begun) * 1000)
    for name, values in times.items():
        kept = np.array(values[WARM_UP:])
        print(f"{name}: p50 {np.median(kept):.1f} ms, p10 {np.percentile(kept, 10):.1f}, p90 {np.percentile(kept, 90):.1f} over {len(kept)} rounds")


if __name__ == "__main__":
    main()

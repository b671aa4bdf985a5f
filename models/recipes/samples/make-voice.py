"""Makes models/samples/voice.wav and voice.json: known sentences, known silences, light pink noise.

Needs espeak-ng and sox on the path. Knows nothing of recognition.
Invariant: voice.json gives the exact start and end of each utterance, because the file is laid out sample by sample.
"""

import array
import json
import os
import subprocess
import sys
import tempfile
import wave

RATE_HZ = 16000
# (text, espeak-ng voice, words per minute, silence before it in milliseconds)
UTTERANCES = [
    ("Hello, please set the temperature to twenty one degrees.", "en-us", 150, 1200),
    ("Turn on the headlights, and close the rear windows.", "en-gb", 160, 1500),
    ("How far is it to the next charging station?", "en-us+f3", 155, 1800),
    ("Call home, and tell them that I will be ten minutes late.", "en-gb+m3", 165, 1300),
]
TAIL_MS = 2500
# Speech below one percent of full scale at either end of an utterance counts as silence and is trimmed.
TRIM_LEVEL = 330


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def read_wave(path):
    with wave.open(path, "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ), path
        return array.array("h", file.readframes(file.getnframes()))


def write_wave(path, samples):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())


def speak(text, voice, words_per_minute, folder):
    """Returns one utterance at 16 kHz, trimmed to its first and last audible sample."""
    raw, ready = os.path.join(folder, "raw.wav"), os.path.join(folder, "ready.wav")
    run("espeak-ng", "-v", voice, "-s", str(words_per_minute), "-w", raw, text)
    run("sox", "-R", raw, "-r", str(RATE_HZ), "-b", "16", "-c", "1", ready, "norm", "-6")
    samples = read_wave(ready)
    loud = [i for i, value in enumerate(samples) if abs(value) > TRIM_LEVEL]
    return samples[loud[0] : loud[-1] + 1]


def main(target):
    with tempfile.TemporaryDirectory() as folder:
        line, marks = array.array("h"), []
        for text, voice, speed, silence_ms in UTTERANCES:
            line.extend([0] * (silence_ms * RATE_HZ // 1000))
            start = len(line)
            line.extend(speak(text, voice, speed, folder))
            # The end is padded to a whole millisecond so that the marks are exact integers.
            line.extend([0] * (-len(line) % (RATE_HZ // 1000)))
            marks.append({"startMs": start * 1000 // RATE_HZ, "endMs": len(line) * 1000 // RATE_HZ, "text": text})
        line.extend([0] * (TAIL_MS * RATE_HZ // 1000))
        clean, noise, mixed = (os.path.join(folder, name) for name in ("clean.wav", "noise.wav", "mixed.wav"))
        write_wave(clean, line)
        # -R fixes the seed of the noise and -D leaves out dither, so that a second run gives the same bytes.
        run("sox", "-R", "-D", "-n", "-r", str(RATE_HZ), "-b", "16", "-c", "1", noise, "synth", f"{len(line)}s", "pinknoise", "vol", "0.012")
        run("sox", "-R", "-D", "-m", "-v", "1", clean, "-v", "1", noise, "-b", "16", mixed)
        samples = read_wave(mixed)[: len(line)]
        assert len(samples) == len(line), "the mix is shorter than the speech"
        write_wave(os.path.join(target, "voice.wav"), samples)
    manifest = {"schema": 1, "rateHz": RATE_HZ, "channels": 1, "samples": len(line), "licence": "Apache-2.0",
                "madeBy": "models/recipes/samples/make-voice.py", "utterances": marks}
    with open(os.path.join(target, "voice.json"), "w") as out:
        json.dump(manifest, out, indent=2)
        out.write("\n")
    with open(os.path.join(target, "voice.tsv"), "w") as out:
        out.write("id\tstart_ms\tend_ms\n" + "".join(f"voice\t{mark['startMs']}\t{mark['endMs']}\n" for mark in marks))


if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.normpath(os.path.join(here, "..", "..", "samples")))

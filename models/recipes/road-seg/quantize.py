"""Makes the int8 student: static QDQ quantisation, per-channel int8 weights and uint8 activations.

Owns: the calibration set and the quantiser's settings. Knows nothing of accuracy figures.
Invariant: calibration pictures come from the training shards only.
"""

import argparse
import glob
import os

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

OPS = {"conv": ["Conv"], "conv-add": ["Conv", "Add"], "all": ["Conv", "Add", "Resize", "DepthToSpace"]}
METHODS = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile, "entropy": CalibrationMethod.Entropy}


class Shards(CalibrationDataReader):
    """Feeds evenly spaced training views, so that real and rendered ones are both there."""

    def __init__(self, work, count):
        path = sorted(glob.glob(os.path.join(work, "shards", "shard-????.npz")))[0]
        with np.load(path) as shard:
            pictures = shard["pictures"]
        self.rows = iter(pictures[:: max(1, len(pictures) // count)][:count])

    def get_next(self):
        row = next(self.rows, None)
        return None if row is None else {"image": np.ascontiguousarray(row.transpose(2, 0, 1)[None].astype(np.float32) / 255.0)}


# 7-bit weights are the default: x86 CPUs without VNNI add pairs of u8 x s8 products in saturating int16, which full-range weights overflow.
def quantize(source, target, work, ops, method, count, reduce_range=False, exclude=()):
    quantize_static(
        source, target, Shards(work, count), quant_format=QuantFormat.QDQ, op_types_to_quantize=OPS[ops], per_channel=True,
        reduce_range=reduce_range, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=list(exclude),
        calibrate_method=METHODS[method], extra_options={"CalibPercentile": 99.995, "QuantizeBias": True},
    )
    model = onnx.load(target)
    onnx.checker.check_model(model, full_check=True)
    assert {entry.domain for entry in model.opset_import} <= {"", "ai.onnx"}, "the file needs a non-standard domain"
    return os.path.getsize(target)


def main():
    parser = argparse.ArgumentParser(description="Quantise the exported student.")
    parser.add_argument("--work", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--ops", choices=OPS, default="all")
    parser.add_argument("--method", choices=METHODS, default="minmax")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--weight-bits", type=int, choices=(7, 8), default=7)
    options = parser.parse_args()
    size = quantize(options.source, options.out, options.work, options.ops, options.method, options.count, options.weight_bits == 7)
    print(f"{options.out}: {size} bytes ({options.ops}, {options.method})")


if __name__ == "__main__":
    main()

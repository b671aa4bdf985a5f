"""Folds batch normalisation and writes the student as a fixed-shape fp32 ONNX file.

Owns: names, shapes and opset of the graph. Knows nothing of quantisation.
Invariant: the graph holds only Conv, Relu, Add, Resize and DepthToSpace of the standard domain.
"""

import argparse
import os

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn.utils.fusion import fuse_conv_bn_eval

import teacher
from network import Student

OPSET = 17
ALLOWED = {"Conv", "Relu", "Add", "Resize", "DepthToSpace"}


class Writer:
    """Collects nodes and weights under readable names."""

    def __init__(self):
        self.nodes, self.weights = [], []

    def constant(self, name, value):
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(self, source, name, layer):
        weight = self.constant(f"{name}.weight", layer.weight.detach().contiguous().numpy())
        bias = self.constant(f"{name}.bias", layer.bias.detach().numpy())
        return self.node("Conv", [source, weight, bias], f"{name}.conv", kernel_shape=list(layer.kernel_size),
                         strides=list(layer.stride), pads=list(layer.padding) * 2, dilations=list(layer.dilation))

    def step(self, source, name, step):
        folded = fuse_conv_bn_eval(step[0], step[1])
        return self.node("Relu", [self.conv(source, name, folded)], name)

    def steps(self, source, name, stages):
        for i, stage in enumerate(stages):
            source = self.step(source, f"{name}.{i}", stage)
        return source

    def merge(self, kept, coarse, name):
        grown = self.node("Resize", [coarse, "", "twice"], f"{name}.grow", mode="nearest",
                          coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        return self.node("Add", [kept, grown], f"{name}.add")


def write_graph(network):
    """Writes the student's forward pass; it must mirror Student.forward, which main() checks by value."""
    w = Writer()
    w.constant("twice", np.array([1, 1, 2, 2], np.float32))
    x80 = w.steps(w.step("image", "stem", network.stem), "at80", network.at80)
    x40 = w.steps(x80, "at40", network.at40)
    x20 = w.steps(x40, "at20", network.at20)
    x10 = w.steps(x20, "at10", network.at10)
    y20 = w.step(w.merge(x20, w.step(x10, "down10", network.down10), "join20"), "mix20", network.mix20)
    y40 = w.step(w.merge(x40, w.step(y20, "down20", network.down20), "join40"), "mix40", network.mix40)
    y80 = w.steps(w.merge(x80, w.step(y40, "down40", network.down40), "join80"), "mix80", network.mix80)
    for head in ("drivable", "lanes"):
        flat = w.conv(y80, f"{head}.head", getattr(network, head))
        w.node("DepthToSpace", [flat], head, blocksize=2, mode="CRD")
    graph = helper.make_graph(
        w.nodes, "road-seg",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 320, 320])],
        [helper.make_tensor_value_info(head, TensorProto.FLOAT, [1, 2, 160, 160]) for head in ("drivable", "lanes")],
        w.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="redline-road-seg", ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    assert {node.op_type for node in graph.node} <= ALLOWED
    return model


def main():
    parser = argparse.ArgumentParser(description="Export the trained student.")
    parser.add_argument("--work", required=True)
    parser.add_argument("--weights", default="student.pt")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    network = Student().eval()
    network.load_state_dict(torch.load(os.path.join(options.work, options.weights)))
    onnx.save(write_graph(network), options.out)
    image = torch.rand(1, 3, 320, 320, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        wanted = network(image)
    received = teacher.open_session(options.out).run(None, {"image": image.numpy()})
    gap = max(float(np.abs(a.numpy() - b).max()) for a, b in zip(wanted, received))
    # Folding and another summation order move logits of size 10 by about 1e-5.
    assert gap < 1e-3, f"the exported graph differs from the network by {gap}"
    print(f"{options.out}: {os.path.getsize(options.out)} bytes, largest difference {gap:.1e}")


if __name__ == "__main__":
    main()

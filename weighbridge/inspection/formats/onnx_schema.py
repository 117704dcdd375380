"""Which fields ONNX's messages have, and what each holds. Source: onnx 1.23 `onnx/onnx.proto` (IR version 13)."""

from __future__ import annotations

# What a field holds: a number, a text to check, bytes to skip, or a message by its name.
NUMBER, TEXT, BYTES = "number", "text", "bytes"

MESSAGES: dict[str, dict[int, str]] = {
    "Model": {1: NUMBER, 2: TEXT, 3: TEXT, 4: TEXT, 5: NUMBER, 6: TEXT, 7: "Graph", 8: "Opset", 14: "Entry", 20: "Training",
              25: "Function", 26: "Device"},
    "Device": {1: TEXT, 2: NUMBER, 3: TEXT},
    "Graph": {1: "Node", 2: TEXT, 5: "Tensor", 10: TEXT, 11: "Value", 12: "Value", 13: "Value", 14: "Quantization",
              15: "Sparse", 16: "Entry"},
    "Node": {1: TEXT, 2: TEXT, 3: TEXT, 4: TEXT, 5: "Attribute", 6: TEXT, 7: TEXT, 8: TEXT, 9: "Entry", 10: "NodeDevice"},
    "NodeDevice": {1: TEXT, 2: "Sharding", 3: NUMBER},
    "Sharding": {1: TEXT, 2: NUMBER, 3: "IntMap", 4: "ShardedDim"},
    "IntMap": {1: NUMBER, 2: NUMBER},
    "ShardedDim": {1: NUMBER, 2: "SimpleSharding"},
    "SimpleSharding": {1: NUMBER, 2: TEXT, 3: NUMBER},
    "Attribute": {1: TEXT, 2: NUMBER, 3: NUMBER, 4: BYTES, 5: "Tensor", 6: "Graph", 7: NUMBER, 8: NUMBER, 9: BYTES, 10: "Tensor",
                  11: "Graph", 13: TEXT, 14: "Type", 15: "Type", 20: NUMBER, 21: TEXT, 22: "Sparse", 23: "Sparse"},
    "Tensor": {1: NUMBER, 2: NUMBER, 3: "Segment", 4: NUMBER, 5: NUMBER, 6: BYTES, 7: NUMBER, 8: TEXT, 9: BYTES, 10: NUMBER,
               11: NUMBER, 12: TEXT, 13: "Entry", 14: NUMBER, 16: "Entry"},
    "Segment": {1: NUMBER, 2: NUMBER},
    "Sparse": {1: "Tensor", 2: "Tensor", 3: NUMBER},
    "Quantization": {1: TEXT, 2: "Entry"},
    "Entry": {1: TEXT, 2: TEXT},
    "Value": {1: TEXT, 2: "Type", 3: TEXT, 4: "Entry"},
    "Type": {1: "TensorType", 4: "Wrapped", 5: "Map", 6: TEXT, 7: "Opaque", 8: "TensorType", 9: "Wrapped"},
    "TensorType": {1: NUMBER, 2: "Shape"},
    "Wrapped": {1: "Type"},
    "Map": {1: NUMBER, 2: "Type"},
    "Opaque": {1: TEXT, 2: TEXT},
    "Shape": {1: "Dimension"},
    "Dimension": {1: NUMBER, 2: TEXT, 3: TEXT},
    "Opset": {1: TEXT, 2: NUMBER},
    "Training": {1: "Graph", 2: "Graph", 3: "Entry", 4: "Entry"},
    "Function": {1: TEXT, 4: TEXT, 5: TEXT, 6: TEXT, 7: "Node", 8: TEXT, 9: "Opset", 10: TEXT, 11: "Attribute", 12: "Value",
                 13: TEXT, 14: "Entry"},
}  # fmt: skip

# TensorProto.DataType to bits of one element; texts (8) have none.
BITS = {1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128, 16: 16, 17: 8, 18: 8,
        19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2, 27: 6, 28: 6}  # fmt: skip
STRINGS = 8
# How many numbers a file may spell out in a list whose values matter (shapes).
SHAPE_LIMIT = 64
TEXT_LIMIT = 1024 * 1024

"""The messages of ONNX (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto): the fields that a model may have.

Left out, and refused with that, are training, device configurations and annotations for quantizers.
"""

# ruff: noqa: RUF009  each field says where it is in the file
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelkeep.onnx_checks.wire import at


@dataclass
class Entry:
    key: str = at(1, "text")
    value: str = at(2, "text")


@dataclass
class Tensor:
    dims: np.ndarray = at(1, "int")
    data_type: int | None = at(2, "int")
    float_data: np.ndarray = at(4, "float")
    int32_data: np.ndarray = at(5, "int")
    string_data: list[memoryview] = at(6, "bytes")
    int64_data: np.ndarray = at(7, "int")
    name: str | None = at(8, "text")
    raw_data: memoryview | None = at(9, "bytes")
    double_data: np.ndarray = at(10, "double")
    uint64_data: np.ndarray = at(11, "int")
    doc_string: str | None = at(12, "text")
    external_data: list[Entry] = at(13)
    data_location: int | None = at(14, "int")
    metadata_props: list[Entry] = at(16)


@dataclass
class Sparse:
    values: Tensor | None = at(1)
    indices: Tensor | None = at(2)
    dims: np.ndarray = at(3, "int")


@dataclass
class Dimension:
    dim_value: int | None = at(1, "int")
    dim_param: str | None = at(2, "text")
    denotation: str | None = at(3, "text")


@dataclass
class Shape:
    dim: list[Dimension] = at(1)


@dataclass
class TensorType:
    elem_type: int | None = at(1, "int")
    shape: Shape | None = at(2)


@dataclass
class SequenceType:
    elem_type: Type | None = at(1)


@dataclass
class MapType:
    key_type: int | None = at(1, "int")
    value_type: Type | None = at(2)


@dataclass
class Type:
    tensor_type: TensorType | None = at(1)
    sequence_type: SequenceType | None = at(4)
    map_type: MapType | None = at(5)
    denotation: str | None = at(6, "text")


@dataclass
class Value:
    name: str | None = at(1, "text")
    type: Type | None = at(2)
    doc_string: str | None = at(3, "text")
    metadata_props: list[Entry] = at(4)


@dataclass
class Attribute:
    name: str | None = at(1, "text")
    f: float | None = at(2, "float")
    i: int | None = at(3, "int")
    s: memoryview | None = at(4, "bytes")
    t: Tensor | None = at(5)
    g: Graph | None = at(6)
    floats: np.ndarray = at(7, "float")
    ints: np.ndarray = at(8, "int")
    strings: list[memoryview] = at(9, "bytes")
    doc_string: str | None = at(13, "text")
    type: int | None = at(20, "int")
    ref_attr_name: str | None = at(21, "text")


@dataclass
class Node:
    input: list[str] = at(1, "text")
    output: list[str] = at(2, "text")
    name: str | None = at(3, "text")
    op_type: str | None = at(4, "text")
    attribute: list[Attribute] = at(5)
    doc_string: str | None = at(6, "text")
    domain: str | None = at(7, "text")
    overload: str | None = at(8, "text")
    metadata_props: list[Entry] = at(9)

    def attributes(self) -> dict[str, Attribute]:
        return {each.name or "": each for each in self.attribute}


@dataclass
class Graph:
    node: list[Node] = at(1)
    name: str | None = at(2, "text")
    initializer: list[Tensor] = at(5)
    doc_string: str | None = at(10, "text")
    input: list[Value] = at(11)
    output: list[Value] = at(12)
    value_info: list[Value] = at(13)
    sparse_initializer: list[Sparse] = at(15)
    metadata_props: list[Entry] = at(16)


@dataclass
class Opset:
    domain: str | None = at(1, "text")
    version: int | None = at(2, "int")


@dataclass
class Function:
    name: str | None = at(1, "text")
    input: list[str] = at(4, "text")
    output: list[str] = at(5, "text")
    attribute: list[str] = at(6, "text")
    node: list[Node] = at(7)
    doc_string: str | None = at(8, "text")
    opset_import: list[Opset] = at(9)
    domain: str | None = at(10, "text")
    attribute_proto: list[Attribute] = at(11)
    value_info: list[Value] = at(12)
    overload: str | None = at(13, "text")
    metadata_props: list[Entry] = at(14)


@dataclass
class Model:
    ir_version: int | None = at(1, "int")
    producer_name: str | None = at(2, "text")
    producer_version: str | None = at(3, "text")
    domain: str | None = at(4, "text")
    model_version: int | None = at(5, "int")
    doc_string: str | None = at(6, "text")
    graph: Graph | None = at(7)
    opset_import: list[Opset] = at(8)
    metadata_props: list[Entry] = at(14)
    functions: list[Function] = at(25)

    def metadata(self) -> dict[str, str]:
        return {each.key or "": each.value or "" for each in self.metadata_props}

"""The safe format: a model as data. ``graph.json`` is the object graph, ``arrays.safetensors`` its arrays.

Writing is one walk (encode.py). Reading is three steps (decode.py): parse, audit, build. Types live in types/, what
compiled code would index is checked in checks/. The specification is docs/format.md.
"""

from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format

FORMAT = Format(
    name="keep",
    title="modelkeep's safe file: data only, checked, with its probe",
    safety=Safety.DATA,
    suffixes=(".keep",),
    magic=(b"PK\x03\x04",),
    writers={"*": Cell("modelkeep.formats.keep.files:write", ("numpy",))},
    reader=Cell("modelkeep.formats.keep.files:read", ("numpy",)),
)

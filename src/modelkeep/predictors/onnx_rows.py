"""From rows to the inputs of an ONNX graph: arrays, tables, texts, and dicts of inputs, cast to what is declared.

Fractions are rounded to the declared width, as the exporter of the model meant it; whatever else would not come back
(a number that float32 has no room for, a fraction where whole numbers are asked for) is an error that says where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkeep.errors import UsageError, quote
from modelkeep.predictors.onnx_ports import Port

_PASS = "pass rows as the model was trained on"


@dataclass(frozen=True)
class Marks:
    """The texts that a file takes for missing ones: for NaN, for None, and for the missing value of pandas."""

    missing: str = ""
    none: str = ""
    na: str = ""

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> Marks:
        """Those that the file states; a file that states one has it for all."""
        missing = metadata.get("modelkeep.missing", "")
        none, na = (metadata.get(f"modelkeep.{kind}", missing) for kind in ("none", "na"))
        return cls(missing, none, na)

    def back(self, answer: Any) -> Any:
        """An answer with the missing values in place of the marks."""
        if not self.missing or getattr(getattr(answer, "dtype", None), "kind", "") != "O":
            return answer
        values = {self.none: None, self.missing: np.nan}
        made = np.empty(answer.size, dtype=object)
        made[:] = [values.get(each, each) if isinstance(each, str) else each for each in answer.ravel().tolist()]
        return made.reshape(answer.shape)


NO_MARKS = Marks()


def bind(ports: Sequence[Port], rows: Any, columns: Sequence[str] = (), marks: Marks = NO_MARKS) -> dict[str, Any]:
    """The inputs by name. ``columns`` names those of a single input, ``marks`` stand for missing texts."""
    needed = [port for port in ports if not port.optional]
    if isinstance(rows, Mapping):
        return _by_name(needed, ports, rows, marks)
    if hasattr(rows, "columns") and hasattr(rows, "iloc"):
        return _from_table(needed, rows, columns, marks)
    if hasattr(rows, "toarray"):
        rows = rows.toarray()
    if len(needed) == 1:
        return {needed[0].name: _cast(needed[0], rows, marks)}
    array = np.asarray(rows)
    if array.ndim != 2 or array.shape[1] != len(needed):
        raise UsageError(
            f"the model has {len(needed)} inputs, and the rows are of shape {array.shape}",
            hint=f"pass a table or a dict with {_listed(needed)}",
        )
    return {port.name: _cast(port, array[:, i], marks) for i, port in enumerate(needed)}


def _by_name(needed: Sequence[Port], ports: Sequence[Port], rows: Mapping[Any, Any], marks: Marks) -> dict[str, Any]:
    known = {port.name: port for port in ports}
    given = dict(rows)
    if not given.keys() <= known.keys() and set(given) == {str(i) for i in range(len(given))}:
        given = {port.name: given[str(i)] for i, port in enumerate(ports[: len(given)])}
    unknown = [name for name in given if name not in known]
    absent = [port for port in needed if port.name not in given]
    if unknown or absent:
        what = f"no input {quote(unknown[0])}" if unknown else f"an input {quote(absent[0].name)} that is not given"
        raise UsageError(f"the model has {what}", hint=f"its inputs are {_listed(needed)}")
    return {name: _cast(known[name], value, marks) for name, value in given.items()}


def _from_table(needed: Sequence[Port], table: Any, columns: Sequence[str], marks: Marks) -> dict[str, Any]:
    names = [str(name) for name in table.columns]
    places = {name: place for place, name in enumerate(names)}
    single = len(needed) == 1 and (needed[0].width != 1 or needed[0].name not in places)
    wanted = list(columns) or names if single else [port.name for port in needed]
    absent = [name for name in wanted if name not in places]
    if absent:
        raise UsageError(f"the table has no column {quote(absent[0])}", hint=f"its columns are to be {_cut(wanted)}")
    taken = [table.iloc[:, places[name]] for name in wanted]
    if not single:
        return {port.name: _cast(port, column, marks) for port, column in zip(needed, taken, strict=True)}
    port = needed[0]
    kind = np.dtype(object) if port.dtype == object else np.result_type(*(_values(each, marks) for each in taken))
    array = np.empty((len(table), len(taken)), kind)
    for place, column in enumerate(taken):
        array[:, place] = _values(column, marks)
    return {port.name: _cast(port, array, marks)}


def _values(column: Any, marks: Marks) -> Any:
    """One column as an array: categories by their values, missing numbers as NaN."""
    kind = getattr(column, "dtype", None)
    if kind is not None and not isinstance(kind, np.dtype):  # one of the table's own: categories, text, nullable
        numeric = getattr(kind, "kind", "O") in "biuf" and not hasattr(kind, "categories")
        if numeric:
            gaps = bool(column.isna().any())
            return column.to_numpy(dtype=np.float64 if gaps else np.dtype(kind.numpy_dtype), na_value=np.nan)
        column = column.astype(object)
    return np.asarray(column)


def _cast(port: Port, rows: Any, marks: Marks) -> Any:
    if port.dtype is None:
        raise UsageError(f"the input {quote(port.name)} is of a kind that no rows are", hint="use run(...) of another")
    array = _values(rows, marks) if hasattr(rows, "iloc") else np.asarray(rows)
    if hasattr(array, "toarray"):
        array = array.toarray()
    if port.dtype == object:
        array = _texts(port, array, marks)
    elif array.dtype != port.dtype:
        array = _numbers(port, array)
    return _shaped(port, np.ascontiguousarray(array))


def _texts(port: Port, array: Any, marks: Marks) -> Any:
    values = [_text(value, marks) for value in array.ravel().tolist()]
    other = next((value for value in values if not isinstance(value, str)), None)
    if other is not None:
        raise UsageError(f"the input {quote(port.name)} takes text, and {quote(other)} is none", hint=_PASS)
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made.reshape(array.shape)


def _text(value: Any, marks: Marks) -> Any:
    """A missing value by its mark: None, that of a table's own types (which is not even unlike itself), or NaN."""
    if value is None:
        return marks.none
    if type(value).__name__ in ("NAType", "NaTType"):
        return marks.na
    return marks.missing if value != value else value


def _numbers(port: Port, array: Any) -> Any:
    assert port.dtype is not None
    if array.dtype.kind == "O":
        values = [np.nan if value is None else value for value in array.ravel().tolist()]
        if all(isinstance(value, int | float) for value in values):
            array = np.array(values).reshape(array.shape)
    if array.dtype.kind not in "biuf":
        raise UsageError(f"the input {quote(port.name)} takes {port.dtype}, not {_kind(array)}", hint=_PASS)
    with np.errstate(all="ignore"):
        made = array.astype(port.dtype)
        if array.dtype.kind == "f" and port.dtype.kind == "f":
            lost = np.isinf(made) & ~np.isinf(array)
        elif port.dtype == np.float64:  # rounded, as every library makes float64 of whole numbers
            lost = np.zeros(array.shape, dtype=bool)
        else:
            lost = made.astype(array.dtype) != array
            if array.dtype.kind == "f":
                lost |= ~np.isfinite(array)
    if lost.any():
        value = array[lost].ravel()[0]
        raise UsageError(
            f"the input {quote(port.name)} takes {port.dtype}, which has no room for {value}",
            hint="scale the column, or export the model with inputs of a wider type",
        )
    return made


def _kind(array: Any) -> str:
    return "text" if array.dtype.kind in "USTO" else str(array.dtype)


def _shaped(port: Port, array: Any) -> Any:
    """One column more or less where only that tells the rows from what is declared; then every fixed size holds."""
    if port.shape is None:
        return array
    if len(port.shape) == 2 and array.ndim == 1 and port.shape[1] in (1, None):
        array = array.reshape(-1, 1)
    elif len(port.shape) == 1 and array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    fits = array.ndim == len(port.shape) and all(
        not isinstance(size, int) or size == actual or place == 0
        for place, (size, actual) in enumerate(zip(port.shape, array.shape, strict=True))
    )
    if not fits:
        shape = ", ".join("any" if not isinstance(size, int) else str(size) for size in port.shape)
        raise UsageError(
            f"the input {quote(port.name)} is of shape ({shape}), and the rows are of shape {array.shape}", hint=_PASS
        )
    return array


def _listed(ports: Sequence[Port]) -> str:
    return _cut([port.name for port in ports])


def _cut(names: Sequence[str]) -> str:
    more = f", and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(quote(name) for name in names[:20]) + more

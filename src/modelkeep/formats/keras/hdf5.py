"""The arrays of an HDF5 file, by path. Runs in a process of its own: the library that reads it is not ours.

Refused before anything is read: links that are not hard, storage outside of the file, virtual datasets, filters other
than gzip, and sizes that the file's own bytes can't hold.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from modelkeep.errors import CheckError, ContainerError, quote

MAX_OBJECTS = 100_000
MAX_DEPTH = 60
MAX_RATIO = 1100  # what DEFLATE can do at most is 1032
_HINT = "get the file again from where it came from; no Keras writes this"
_DEFLATE, _SHUFFLE = 1, 2
_BFLOAT16 = "bfloat16"


def arrays(data: bytes, most: int) -> dict[str, Any]:
    """``path -> (array, dtype)``; an array of bits stands for bfloat16."""
    import h5py

    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return dict(_Walk(h5py, len(data), most).group(file, "", 0))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise ContainerError(
            f"the weights are no HDF5 file that can be read: {quote(str(error))}", hint=_HINT
        ) from None


class _Walk:
    def __init__(self, h5py: Any, size: int, most: int) -> None:
        self._h5py, self._size, self._left = h5py, size, most
        self._objects = 0
        self._seen: set[Any] = set()

    def group(self, group: Any, path: str, depth: int) -> list[tuple[str, Any]]:
        if depth > MAX_DEPTH:
            raise CheckError("groups are nested too deep", path=path[:200], hint=_HINT)
        found = []
        for name in group:
            place = f"{path}/{name}" if path else name
            self._objects += 1
            if self._objects > MAX_OBJECTS or len(place) > 2000:
                raise CheckError("too many objects in the weights", hint=_HINT)
            link = group.get(name, getlink=True)
            if type(link) is not self._h5py.HardLink:
                raise CheckError(f"{quote(place, 80)} is a link to somewhere else", hint=_HINT)
            thing = group[name]
            self._once(thing, place)
            if isinstance(thing, self._h5py.Group):
                found += self.group(thing, place, depth + 1)
            elif isinstance(thing, self._h5py.Dataset):
                found.append((place, self._dataset(thing, place)))
            else:
                raise CheckError(f"{quote(place, 80)} is neither a group nor an array", hint=_HINT)
        return found

    def _once(self, thing: Any, place: str) -> None:
        info = self._h5py.h5o.get_info(thing.id)
        if (info.fileno, info.addr) in self._seen:
            raise CheckError(f"{quote(place, 80)} is in the file under two names", hint=_HINT)
        self._seen.add((info.fileno, info.addr))

    def _dataset(self, dataset: Any, place: str) -> Any:
        """The array, once its properties say that all of it is in the file."""
        plist = dataset.id.get_create_plist()
        filters = {plist.get_filter(number)[0] for number in range(plist.get_nfilters())}
        if plist.get_external_count() or dataset.is_virtual or not filters <= {_DEFLATE, _SHUFFLE}:
            raise CheckError(f"{quote(place, 80)} is not stored in the file as plain or gzip bytes", hint=_HINT)
        dtype, shape = dataset.dtype, dataset.shape
        if shape is None or not (
            dtype.kind in "biuf" or (dtype.kind == "V" and dtype.itemsize == 2 and not dtype.names)
        ):
            raise CheckError(f"{quote(place, 80)} is no array of numbers", hint=_HINT)
        size, stored = math.prod(shape) * dtype.itemsize, dataset.id.get_storage_size()
        self._left -= size
        if self._left < 0 or size > MAX_RATIO * min(stored, self._size):
            raise CheckError(f"{quote(place, 80)} would unpack to {size:,} bytes", hint=_HINT)
        value = dataset[()]
        if dtype.kind == "V" or str(dataset.attrs.get("dtype", "")) == _BFLOAT16:
            return np.ascontiguousarray(value).view("<u2").reshape(shape), _BFLOAT16
        plain = np.asarray(value)
        return plain.astype(plain.dtype.newbyteorder("=")), plain.dtype.name

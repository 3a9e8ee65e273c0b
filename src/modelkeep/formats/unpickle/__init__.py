"""Pickle and joblib files, read without being executed: opcodes to inert records, records to the safe format's graph.

``read(data, policy)`` is the whole way. ``records(data, policy)`` is its first half: what the file says, nothing
imported, nothing called.
"""

from modelkeep.formats.unpickle.read import Facts, read, records

__all__ = ["Facts", "read", "records"]

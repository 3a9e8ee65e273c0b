"""Keras models as data: an exact list of classes and arguments, checked before Keras is imported, and built from it.

A *spec* is a JSON value. Objects are ``{"class": name, "config": {...}}``, where ``name`` is one of ``tables.py`` or
the number of a class that the reader trusts. Names in a file never decide what is imported.
"""

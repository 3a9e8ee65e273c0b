"""age's file format, version 1, read and written strictly (c2sp.org/age).

pyrage is the second implementation that the tests compare this one with. It can't be the first: under a passphrase it
takes and gives whole files only, and it writes at a quarter of the throughput of ``age``.
"""

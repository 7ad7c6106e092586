"""Thousands of studies to one table: on this machine, on a cluster, or in shards.

A plan on the disk says what there is to do, in chunks of a few dozen studies. Whoever works on a chunk,
wherever it runs, lets :mod:`septum.workflows` segment its studies, keeps a journal of the rows, and makes a
part of the table of it. Engines only say who works on which chunk.
"""

"""The book of the avalanche as a folder of CSV or Parquet files: read, judged, turned into arrays.

It may touch files below the folder it is given. The tables are declared in `schemas/avalanche`.
"""

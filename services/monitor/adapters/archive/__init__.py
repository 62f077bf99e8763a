"""The log as Parquet files.

`backlog` reads what is not archived, `tables` makes it columns, `files` keeps them by URL.
"""

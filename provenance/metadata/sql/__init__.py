"""Lineage by SQL on the tables of MLMD: SQLite, MariaDB and MySQL."""

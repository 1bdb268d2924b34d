"""Clean and flawed studies, by which the auditor is measured."""

from corpus import studies_clean, studies_flawed, tables_clean, tables_flawed, tables_flawed_conduct

__all__ = ["studies_clean", "studies_flawed", "tables_clean", "tables_flawed", "tables_flawed_conduct"]

"""Rows to tables, figures and reports."""

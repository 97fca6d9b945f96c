"""The document: its blocks, tables, style, and how they become Markdown, LaTeX and HTML."""

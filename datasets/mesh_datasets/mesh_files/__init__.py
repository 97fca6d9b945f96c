"""Reading triangle meshes from files: one module per format, `reading.read_mesh` for all of them.

No module repairs anything. Each checks what it reads against what the file states and raises ``ValueError`` with the
reason where the two disagree; `reading.read_mesh` adds the file's name.
"""

"""The use cases: a file, a folder or a study in, files out."""

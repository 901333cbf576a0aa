"""The command line: thin, scriptable, plain words."""

"""The command line ``ksim``: one module per command, imported when it is used."""

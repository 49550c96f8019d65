"""The `hemgs` command: one click command per file, each a thin call into hemgs_codec."""

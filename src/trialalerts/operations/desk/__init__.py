"""The editors' web desk behind its pages: who may come in, and what editors are told by mail."""

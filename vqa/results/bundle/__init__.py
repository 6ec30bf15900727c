"""A study that can be handed on: one zip, an RO-Crate, that is checked and unpacked without the videos."""

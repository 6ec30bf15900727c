"""Feature shards, under the name that stays: `vqa.shards.write`, `read` and what else a reader needs."""

from vqa.features.shards import attributes, memory_map, memory_maps, read, write

__all__ = ["attributes", "memory_map", "memory_maps", "read", "write"]

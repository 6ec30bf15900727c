"""Stage 1: videos to features of frozen networks, one shard a video and backbone."""

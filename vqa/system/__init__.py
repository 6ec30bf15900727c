"""What has nothing to do with video: files, errors, devices, isolation."""

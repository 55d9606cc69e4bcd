"""Where images' bytes are, and reading them: local files, S3, web addresses."""

"""The commands, one module per purpose; `app` puts them together. Each only says, reads and prints."""

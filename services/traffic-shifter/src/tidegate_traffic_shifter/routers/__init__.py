"""The built-in routers; each comes in through the same entry points as anybody's."""

"""The demo's Kubernetes objects and its two requests, as a user would write them."""

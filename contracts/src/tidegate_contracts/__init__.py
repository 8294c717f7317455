"""Tidegate's messages: everything that crosses the bus, and nothing else. Depends on msgspec alone.

Start at `rollout` (what a requester says), then `facts` and `decisions` (what happened and why), `orders`
(what each service is told), `subjects` and `topology` (where it travels).
"""

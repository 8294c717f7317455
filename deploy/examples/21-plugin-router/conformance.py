"""For the plugin's author: the router keeps every promise, tried on the Junction of route.yaml.

`python conformance.py`, where the plugin is installed; it tells what is broken, and ends with 1 if anything is.
"""

import sys
from pathlib import Path

import yaml
from tidegate_router_junction import Junction

from tidegate_traffic_shifter.conformance import broken

route = yaml.safe_load((Path(__file__).parent / "route.yaml").read_text())
route["metadata"]["namespace"] = "default"
found = broken(Junction(), route, "web")
sys.stdout.write("".join(f"broken: {promise}\n" for promise in found))
sys.exit(1 if found else 0)

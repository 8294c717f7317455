"""Scripts for classes of Ingresses, and how tests run one."""

from pathlib import Path

HERE = Path(__file__).parent


def script(name: str) -> str:
    return (HERE / f"{name}.lua").read_text()

"""The shape of files and functions: small, explained, and named in whole words with their units."""

import ast
import re
from collections.abc import Iterator

import pytest
from support.sources import Source, all_sources, package_sources

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
DOCSTRING_CHARACTERS_MIN = 20

ABBREVIATIONS = frozenset(
    {
        *("addr", "amt", "attr", "avg", "btn", "buf", "calc", "cb", "cfg", "cmd", "cnt", "coll", "conn", "coord"),
        *("ctl", "ctx", "curr", "decl", "dep", "deps", "desc", "dest", "dst", "dur", "elem", "err", "errs"),
        *("evt", "evts", "fld", "fn", "fns", "fmt", "fut", "grp", "hdr", "hdrs", "idx", "impl", "img", "inst"),
        *("lbl", "len", "lst", "mgr", "msg", "msgs", "num", "obj", "objs", "opt", "opts", "orig", "pct", "pkg"),
        *("prev", "proc", "prog", "ptr", "qty", "recv", "repl", "req", "reqs", "res", "resp", "ret", "retval"),
        *("sess", "src", "srv", "stmt", "subj", "svc", "sz", "tbl", "tgt", "tmp", "tmpl", "tok", "tot", "txt"),
        *("typ", "upd", "usr", "util", "utils", "val", "vals", "ver", "wrk"),
    }
)
"""Parts of names that save a few letters and cost every reader."""

EVERYTHING = frozenset({"Exception", "BaseException", "OperatingError"})

FOREIGN = frozenset({"err_code", "RTA_DST", "_OWN_PROC"})
"""Names of other people's messages and files, which are known under them."""

NEEDS_UNIT = re.compile(
    r"(?:^|_)(?:timeout|delay|interval|duration|deadline|age|latency|period|backoff|grace|elapsed)$"
)


@pytest.mark.parametrize("source", all_sources(), ids=lambda source: source.shown)
def test_a_file_is_short(source: Source) -> None:
    assert len(source.text.splitlines()) <= FILE_LINES_MAX


def test_functions_are_short() -> None:
    assert [
        f"{source.shown}:{node.lineno} {node.name}: {_lines(node)} lines"
        for source in all_sources()
        for node in _functions(source)
        if _lines(node) > FUNCTION_LINES_MAX
    ] == []


def test_every_module_says_why_it_exists() -> None:
    assert [
        source.shown
        for source in package_sources()
        if source.text.strip() and len(source.docstring) < DOCSTRING_CHARACTERS_MIN
    ] == []


def test_names_are_whole_words() -> None:
    assert [
        f"{source.shown}:{line} {name}"
        for source in package_sources()
        for line, name in _named(source.tree)
        if name not in FOREIGN and not name.startswith("__") and set(_words(name)) & ABBREVIATIONS
    ] == []


def test_times_have_their_unit_in_the_name() -> None:
    assert [
        f"{source.shown}:{line} {name}"
        for source in package_sources()
        for line, name in _numbers(source.tree)
        if NEEDS_UNIT.search(name.lower())
    ] == []


def test_no_failure_is_swallowed_whole() -> None:
    """A handler that only passes must be for a named, narrow error; one for everything hides bugs."""
    assert [
        f"{source.shown}:{node.lineno}"
        for source in package_sources()
        for node in ast.walk(source.tree)
        if _swallows(node)
    ] == []


def test_the_checks_see_what_they_forbid() -> None:
    code = "cfg = 1\ntimeout: float = 2\ndef f(ctx, delay: int): ...\ntry: f()\nexcept Exception: pass\n"
    tree = ast.parse(code)
    assert [name for _, name in _named(tree) if set(_words(name)) & ABBREVIATIONS] == ["cfg", "ctx"]
    assert sorted(name for _, name in _numbers(tree) if NEEDS_UNIT.search(name)) == ["delay", "timeout"]
    assert any(_swallows(node) for node in ast.walk(tree))


def _functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _named(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every name that the module gives to something of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg


def _numbers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names that are annotated as numbers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and _is_number(node.annotation):
            yield node.lineno, node.target.id
        elif isinstance(node, ast.arg) and node.annotation is not None and _is_number(node.annotation):
            yield node.lineno, node.arg


def _is_number(annotation: ast.expr) -> bool:
    return re.fullmatch(r"(?:int|float)(?: \| None)?", ast.unparse(annotation)) is not None


def _swallows(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        passes = len(node.body) == 1 and isinstance(node.body[0], ast.Pass | ast.Continue)
        return passes and (node.type is None or ast.unparse(node.type) in EVERYTHING)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("suppress", "contextlib.suppress"):
        return any(ast.unparse(argument) in EVERYTHING for argument in node.args)
    return False


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", name)]

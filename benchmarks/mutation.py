"""Small changes of the source of our blocks, and how one is put in their place."""

import ast
import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

ROOT = Path(__file__).parents[1]
BLOCKS = ROOT / "kerasblocks" / "blocks"
# What holds parts of messages, and what makes them.
MESSAGES = {"hint", "listed", "many", "names", "known", "owner"}
MESSAGE_MAKERS = {"did_you_mean", "__repr__", "_owner"}
FLIPS = {
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
}
SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}


# What can be changed.


@dataclass(frozen=True)
class Mutant:
    """A change of one node of the syntax tree of a module.

    `lines` are those of the statement, of which one must run; `place` is that of the
    node among the module's and of the change among the node's.
    """

    module: str
    function: str
    line: int
    lines: tuple[int, int]
    operator: str
    before: str
    after: str
    place: tuple[int, int]

    @property
    def key(self) -> str:
        return f"{self.module}:{self.place[0]}:{self.place[1]}"

    def __str__(self) -> str:
        return (
            f"{self.module}.py:{self.line} {self.function}: {self.operator}: "
            f"{self.before}  ->  {self.after}"
        )


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What a node may be replaced by, each with the name of the operator."""
    match node:
        case ast.Compare(ops=[op]):
            for flip in FLIPS[type(op)]:
                yield "comparison", altered(node, ops=[flip()])
        case ast.BinOp(op=op) if type(op) in SWAPS:
            yield "arithmetic", altered(node, op=SWAPS[type(op)]())
        case ast.BoolOp(op=op):
            other = ast.Or if isinstance(op, ast.And) else ast.And
            yield "and/or", altered(node, op=other())
        case ast.UnaryOp(op=ast.Not()):
            yield "condition", node.operand
        case ast.Constant(value=bool() as value):
            yield "constant", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield "constant", ast.Constant(value + 1)
            if value:
                yield "constant", ast.Constant(0 if value == 1 else value - 1)
        case ast.Constant(value=str() as value):
            yield "string", ast.Constant(f"{value}_x")
        case ast.Call():
            for place, keyword in enumerate(node.keywords):
                if keyword.arg == "strict":  # of zip, where the lengths agree
                    continue
                kept = [k for i, k in enumerate(node.keywords) if i != place]
                name = f"argument {keyword.arg or '**'}"
                yield name, altered(node, keywords=kept)
        case ast.Dict():
            for place, key in enumerate(node.keys):
                rest = {
                    "keys": [k for i, k in enumerate(node.keys) if i != place],
                    "values": [v for i, v in enumerate(node.values) if i != place],
                }
                name = "entry **" if key is None else f"entry {ast.unparse(key)}"
                yield name, altered(node, **rest)
        case ast.Return(value=value) if value is not None:
            if ast.unparse(value) != "None":
                yield "return", altered(node, value=ast.Constant(None))
        case ast.Expr() | ast.Assign() | ast.AugAssign():
            yield "statement", ast.Pass()
        case ast.If() | ast.IfExp() | ast.While():
            if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                yield "condition", altered(node, test=ast.UnaryOp(ast.Not(), node.test))


def altered(node: ast.AST, **fields: Any) -> ast.AST:
    """A copy of the node with other fields."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


Place = tuple[ast.AST, str, int | None]


def walk(
    node: ast.AST, function: str = "", statement: Any = None
) -> Iterator[tuple[ast.AST, Place, str, Any]]:
    """The nodes that may be changed: each with its parent, function and statement."""
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or is_left_alone(node, field, child):
                continue
            inner, around = function, statement
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                if child.name in MESSAGE_MAKERS:
                    continue
                inner = f"{function}.{child.name}".lstrip(".")
            elif isinstance(child, ast.stmt):
                around = child
            within = isinstance(around, ast.stmt)
            if within:
                where = (node, field, index if isinstance(value, list) else None)
                yield child, where, inner, around
            # Below a class or a module only functions are looked into.
            if within or isinstance(child, ast.FunctionDef | ast.ClassDef):
                yield from walk(child, inner, around)


def is_left_alone(parent: ast.AST, field: str, child: ast.AST) -> bool:
    if isinstance(child, ast.Raise | ast.JoinedStr | ast.arguments | ast.Import):
        return True
    if field in ("annotation", "returns", "decorator_list", "bases", "targets"):
        return True
    if isinstance(parent, ast.Module | ast.ClassDef):
        return not isinstance(child, ast.FunctionDef | ast.ClassDef)
    match child:
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name in MESSAGES
    match parent:
        # How a child is named; that it has a name is looked at.
        case ast.keyword(arg="name"):
            return isinstance(child, ast.Constant)
        # one_of(owner, "padding", ...): these are for the message.
        case ast.Call(args=[ast.Name("owner") | ast.Attribute(attr="_owner"), *_]):
            return isinstance(child, ast.Constant | ast.JoinedStr) and field == "args"
    return False


def mutants(module: str) -> list[Mutant]:
    """All changes of a module's functions."""
    found = []
    tree = ast.parse((BLOCKS / f"{module}.py").read_text())
    for number, (node, _, function, statement) in enumerate(walk(tree)):
        end = statement.end_lineno
        if body := getattr(statement, "body", None):
            end = max(statement.lineno, body[0].lineno - 1)
        for choice, (operator, new) in enumerate(changes(node)):
            lines = (statement.lineno, end)
            before, after = text(node), text(new)
            found.append(
                Mutant(
                    *(module, function, getattr(node, "lineno", lines[0]), lines),
                    *(operator, before, after, (number, choice)),
                )
            )
    return found


def text(node: ast.AST) -> str:
    line = ast.unparse(ast.fix_missing_locations(node)).splitlines()[0]
    return line if len(line) < 90 else line[:87] + "..."


# One function's code for another's.


def mutated_code(mutant: Mutant, original: CodeType) -> CodeType:
    """The code of the mutant's function."""
    file = BLOCKS / f"{mutant.module}.py"
    tree = ast.parse(file.read_text())
    number, choice = mutant.place
    node, (parent, field, index), *_ = list(walk(tree))[number]
    new = ast.copy_location(list(changes(node))[choice][1], node)
    if index is None:
        setattr(parent, field, new)
    else:
        getattr(parent, field)[index] = new
    # The code must close over the same variables, or it cannot be exchanged.
    for one in ast.walk(tree):
        if isinstance(one, ast.FunctionDef) and one.lineno in range(
            original.co_firstlineno, original.co_firstlineno + 5
        ):
            for name in original.co_freevars:
                one.body += ast.parse(f"if False: {name}").body
    compiled = compile(ast.fix_missing_locations(tree), str(file), "exec")
    return next(
        code
        for code in codes(compiled)
        if code.co_qualname == original.co_qualname
        and code.co_firstlineno == original.co_firstlineno
    )


def codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from codes(constant)


def function_of(mutant: Mutant) -> FunctionType:
    """The outermost function that the mutant changes, as it is imported."""
    found: Any = sys.modules[f"kerasblocks.blocks.{mutant.module}"]
    for name in mutant.function.split("."):
        found = vars(found)[name]
        found = getattr(found, "fget", None) or getattr(found, "__func__", found)
        if isinstance(found, FunctionType):
            return found
    raise LookupError(mutant.function)


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """Runs the mutant in place of what it changes."""
    function = function_of(mutant)
    original = function.__code__
    function.__code__ = mutated_code(mutant, original)
    try:
        yield
    finally:
        function.__code__ = original

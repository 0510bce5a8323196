"""A program less what cannot matter: layout, comments, docstrings, and what its functions call their own variables."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

READS_NAMES = frozenset(
    {
        *("locals", "vars", "dir", "eval", "exec", "compile", "inspect", "builtins", "__builtins__", "__import__"),
        *("importlib", "traceback", "dis", "_getframe", "currentframe", "settrace", "setprofile", "get_type_hints"),
        *("f_locals", "tb_frame", "gi_frame", "cr_frame", "ag_frame", "gi_code", "cr_code", "ag_code", "__code__"),
        *("__annotations__", "__kwdefaults__", "__closure__", "__signature__", "co_varnames", "_current_frames"),
        *("exc_info", "__traceback__", "faulthandler", "NameError", "UnboundLocalError"),
    }
)
"""A program that mentions one of these can see the names of local variables, so none of them is renamed."""

_IGNORED = frozenset({"ctx", "type_comment", "kind", "type_ignores"})


def normal_form(tree: ast.Module) -> list[str]:
    """Return a program as words: the same for two programs only if they do the same.

    The words are the syntax tree from its root, without docstrings. Parameters and local variables of a function, those
    of functions, lambdas and comprehensions inside it among them, are called %0, %1, ... in the order in which they
    appear, wherever in it they stand; so what shadows what, and which parameter comes first, is kept. A name stays

    - when the function also reads a global or builtin by it, or it is declared global or nonlocal, imported, that of an
      inner function, or begins with two underscores;
    - when any call in the program has it for a keyword; a parameter also when it is a string in the program, as in
      np.vectorize(f, excluded=["x"]), and always when any call has `**`;
    - everywhere in a function that defines a class, and in a program that can see the names (`READS_NAMES`).

    Raises RecursionError.
    """
    writer = _Writer()
    writer.write(tree)
    if not writer.reads_names:
        for function in writer.functions:
            function.rename(writer)
    return writer.words


@dataclass
class _Scope:
    """A function, lambda or comprehension: the names that it binds, and those that occur in it."""

    is_function: bool
    bound: set[str] = field(default_factory=set)
    met: set[str] = field(default_factory=set)


@dataclass
class _Function:
    """A function that is in no other: where in the words its names stand, and what is known of them."""

    places: list[int] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)
    """By any scope in it."""
    parameters: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    has_class: bool = False

    def rename(self, writer: _Writer) -> None:
        if self.has_class:
            return
        own = self.bound - self.kept - writer.keywords
        own -= self.parameters if writer.has_double_star else self.parameters & writer.strings
        new: dict[str, str] = {}
        for place in self.places:
            name = writer.words[place]
            if name in own and not name.startswith("__"):
                writer.words[place] = new.setdefault(name, f"%{len(new)}")


class _Writer:
    """Writes a tree's words in one pass; which names are renamed is known at its end only."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.functions: list[_Function] = []
        self.keywords: set[str] = set()
        self.strings: set[str] = set()
        self.has_double_star = False
        self.reads_names = False
        self._function: _Function | None = None
        self._scopes: list[_Scope] = []

    def write(self, node: ast.AST) -> None:
        kind = node.__class__
        special = _SPECIAL.get(kind)
        if special is not None:
            special(self, node)
            return
        words = self.words
        words.append(kind.__name__)
        for name in _fields(kind):
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                self.write(value)
            elif isinstance(value, list):
                self._list(value)
            else:
                words.append("-" if value is None else str(value))

    def _list(self, values: Iterable[ast.AST | str | None]) -> None:
        self.words.append("[")
        for value in values:
            if isinstance(value, ast.AST):
                self.write(value)
            else:
                self.words.append("-" if value is None else value)
        self.words.append("]")

    def _optional(self, node: ast.AST | None) -> None:
        if node is None:
            self.words.append("-")
        else:
            self.write(node)

    # Names

    def _name(self, node: ast.Name) -> None:
        self.words.append("Name")
        self._met(node.id)
        if self._scopes and not isinstance(node.ctx, ast.Load):
            self._scopes[-1].bound.add(node.id)

    def _met(self, name: str) -> None:
        """Write a name that is a variable's here."""
        if self._function is not None:
            self._function.places.append(len(self.words))
            self._scopes[-1].met.add(name)
        if name in READS_NAMES:
            self.reads_names = True
        self.words.append(name)

    def _binding(self, name: str | None) -> None:
        """Write a name that is bound here, or that there is none."""
        if name is None:
            self.words.append("-")
            return
        self._met(name)
        if self._scopes:
            self._scopes[-1].bound.add(name)

    def _literal(self, name: str) -> None:
        """Write a name that is bound here and stays as it is."""
        self.words.append(name)
        if self._function is not None:
            self._function.kept.add(name)
            self._scopes[-1].bound.add(name)

    def _named_expression(self, node: ast.NamedExpr) -> None:
        self.words.append("NamedExpr")
        self._met(node.target.id)
        if self._scopes:  # the variable is the function's even in a comprehension
            scope = next(scope for scope in reversed(self._scopes) if scope.is_function)
            scope.bound.add(node.target.id)
            scope.met.add(node.target.id)
        self.write(node.value)

    def _except(self, node: ast.ExceptHandler) -> None:
        self.words.append("ExceptHandler")
        self._optional(node.type)
        self._binding(node.name)
        self._list(node.body)

    def _match_as(self, node: ast.MatchAs) -> None:
        self.words.append("MatchAs")
        self._optional(node.pattern)
        self._binding(node.name)

    def _match_star(self, node: ast.MatchStar) -> None:
        self.words.append("MatchStar")
        self._binding(node.name)

    def _match_mapping(self, node: ast.MatchMapping) -> None:
        self.words.append("MatchMapping")
        self._list(node.keys)
        self._list(node.patterns)
        self._binding(node.rest)

    def _alias(self, node: ast.alias) -> None:
        self.words += ("alias", node.name, "as" if node.asname else "-")
        self._literal(node.asname or node.name.partition(".")[0])
        if not READS_NAMES.isdisjoint(node.name.split(".")):
            self.reads_names = True

    def _declaration(self, node: ast.Global | ast.Nonlocal) -> None:
        self.words.append(node.__class__.__name__)
        self._list(node.names)
        if self._function is not None:
            self._function.kept.update(node.names)

    # What tells of names elsewhere

    def _attribute(self, node: ast.Attribute) -> None:
        self.words.append("Attribute")
        self.write(node.value)
        self.words.append(node.attr)
        if node.attr in READS_NAMES:
            self.reads_names = True

    def _constant(self, node: ast.Constant) -> None:
        value = node.value
        # hex: Python refuses to write an int of very many digits.
        self.words += ("Constant", hex(value) if type(value) is int else repr(value))
        if isinstance(value, str):
            self.strings.add(value)
            if value in READS_NAMES:
                self.reads_names = True

    def _keyword(self, node: ast.keyword) -> None:
        self.words += ("keyword", node.arg or "-")
        if node.arg is None:
            self.has_double_star = True
        else:
            self.keywords.add(node.arg)
        self.write(node.value)

    # Scopes

    def _module(self, node: ast.Module) -> None:
        self._body(node.body)

    def _class(self, node: ast.ClassDef) -> None:
        if self._function is not None:
            self._function.has_class = True
        self.words.append("ClassDef")
        self._literal(node.name)
        self._list(node.decorator_list)
        self._list(getattr(node, "type_params", ()))
        self._list(node.bases)
        self._list(node.keywords)
        self._body(node.body)

    def _def(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.words.append(node.__class__.__name__)
        self._literal(node.name)
        self._list(node.decorator_list)
        self._list(getattr(node, "type_params", ()))
        self._optional(node.returns)
        self._outside_of(node.args)
        outer = self._function
        if outer is None:
            self._function = _Function()
            self.functions.append(self._function)
        self._scopes.append(_Scope(is_function=True))
        self._parameters(node.args)
        self._body(node.body)
        self._leave()
        self._function = outer

    def _lambda(self, node: ast.Lambda) -> None:
        self.words.append("Lambda")
        self._outside_of(node.args)
        if self._function is None:  # at the top of a module or class: its names stay
            self.words += self._parameter_names(node.args)
            self.write(node.body)
            return
        self._scopes.append(_Scope(is_function=True))
        self._parameters(node.args)
        self.write(node.body)
        self._leave()

    def _outside_of(self, arguments: ast.arguments) -> None:
        """Write what of a function's parameters is evaluated where the function is defined, not inside it."""
        listed = (arguments.posonlyargs, arguments.args, arguments.kwonlyargs)
        self.words += [str(len(group)) for group in listed]
        self._list([a.annotation for group in listed for a in group])
        for one in (arguments.vararg, arguments.kwarg):
            self.words.append("-" if one is None else "*")
            self._optional(one and one.annotation)
        self._list(arguments.defaults)
        self._list(arguments.kw_defaults)

    def _parameters(self, arguments: ast.arguments) -> None:
        names = self._parameter_names(arguments)
        assert self._function is not None
        self._function.parameters.update(names)
        for name in names:
            self._binding(name)

    @staticmethod
    def _parameter_names(arguments: ast.arguments) -> list[str]:
        listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        return [a.arg for a in listed if a is not None]

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> None:
        self.words.append(node.__class__.__name__)
        first, *others = node.generators
        self.write(first.iter)  # evaluated outside
        if self._function is not None:
            self._scopes.append(_Scope(is_function=False))
        self._loop(first)
        for loop in others:
            self.write(loop.iter)
            self._loop(loop)
        self.words.append("]")
        for element in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.write(element)
        if self._function is not None:
            self._leave()

    def _loop(self, loop: ast.comprehension) -> None:
        self.words.append(str(loop.is_async))
        self.write(loop.target)
        self._list(loop.ifs)

    def _leave(self) -> None:
        """End a scope: what it met and did not bind belongs to the one around it, or to no function."""
        assert self._function is not None
        scope = self._scopes.pop()
        self._function.bound |= scope.bound
        unbound = scope.met - scope.bound
        if self._scopes:
            self._scopes[-1].met |= unbound
        else:
            self._function.kept |= unbound

    def _body(self, body: list[ast.stmt]) -> None:
        """Write statements, a docstring left out."""
        match body:
            case [ast.Expr(value=ast.Constant(value=str())), *rest]:
                body = rest or [ast.Pass()]
        self._list(body)


_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    found = _FIELDS.get(kind)
    if found is None:
        found = _FIELDS[kind] = tuple(name for name in kind._fields if name not in _IGNORED)
    return found


_SPECIAL: dict[type[ast.AST], Callable[[_Writer, Any], None]] = {
    ast.Name: _Writer._name,
    ast.NamedExpr: _Writer._named_expression,
    ast.ExceptHandler: _Writer._except,
    ast.MatchAs: _Writer._match_as,
    ast.MatchStar: _Writer._match_star,
    ast.MatchMapping: _Writer._match_mapping,
    ast.alias: _Writer._alias,
    ast.Global: _Writer._declaration,
    ast.Nonlocal: _Writer._declaration,
    ast.Attribute: _Writer._attribute,
    ast.Constant: _Writer._constant,
    ast.keyword: _Writer._keyword,
    ast.Module: _Writer._module,
    ast.ClassDef: _Writer._class,
    ast.FunctionDef: _Writer._def,
    ast.AsyncFunctionDef: _Writer._def,
    ast.Lambda: _Writer._lambda,
    ast.ListComp: _Writer._comprehension,
    ast.SetComp: _Writer._comprehension,
    ast.DictComp: _Writer._comprehension,
    ast.GeneratorExp: _Writer._comprehension,
}

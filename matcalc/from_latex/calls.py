"""Macros and functions of LaTeX: fractions, roots, gradients, and what a function's name takes below, above and after it."""

from __future__ import annotations

from matcalc.from_latex.heads import HEADS, LONGEST, ONE_AXIS, Head, named_head
from matcalc.from_latex.names import read_name, simple_name
from matcalc.from_latex.scripts import Scripts
from matcalc.from_latex.stack import APPLY
from matcalc.from_latex.tokens import PARTNER, Token
from matcalc.functions import FUNCTIONS, Function
from matcalc.infer import LOSS, Gradient
from matcalc.lex import Operand
from matcalc.ops import unspecified
from matcalc.printing.names import key_name

MOST_AXES = 26
LONGEST_RUN = 12  # letters of a function's name that is set like a product
FRACTIONS = frozenset((r"\frac", r"\dfrac", r"\tfrac", r"\cfrac"))
NOT_HERE = {
    "prod": r"products over an index are not read: \operatorname{prod}(x) is the product of all entries",
    "partial": r"\partial stands only in \frac{\partial L}{\partial X} of a declared function: mc.grad finds derivatives",
    "int": "integrals are not read", "lim": "limits are not read", "infty": "an infinite number is not read",
    "pm": r"\pm has two meanings: write one sign", "mp": r"\mp has two meanings: write one sign",
    "ldots": "dots are not read", "dots": "dots are not read", "cdots": "dots are not read", "vdots": "dots are not read",
}  # fmt: skip


class Calls(Scripts):
    """What takes arguments."""

    def open_macro(self, t: Token) -> bool:
        """Take a command with arguments of its own; False if it is none."""
        if t.text in FRACTIONS:
            texts = [self.next(k).text for k in range(1, 6)]
            if texts in (["{", "d", "}", "{", "d"], ["{", r"\partial", "}", "{", r"\partial"]):
                raise self.error("a derivative is not part of an expression: mc.grad and mc.jacobian find it", t.at)
            if not self.open_gradient(t):
                self.i += 1
                self.open("macro", t.text, t.at)
        elif t.text == r"\sqrt":
            self.open_root(t)
        elif t.text == r"\overline":
            self.i += 1
            self.open("macro", t.text, t.at, function=FUNCTIONS["conj"])
        elif t.text == r"\sum":
            self.open_sum(t)
        elif t.text == r"\nabla":
            self.i += 1
            name = self.function_name(r"\nabla")
            if self.next().kind != "delim" or self.next().side != "open":
                raise self.error(r"a gradient is written \nabla L(X), of a declared function", t.at)
            self.open_function(Head(Gradient(name)), t)
        else:
            return False
        return True

    def open_root(self, t: Token) -> None:
        r"""Take ``\sqrt``, with the root in square brackets if there is one."""
        self.i += 1
        power, op = "2", ""
        if self.next().text == "[":
            n = self.next(1)
            if not n.text.isdigit() or int(n.text) < 2 or len(n.text) > 3 or self.next(2).text != "]":
                raise self.error(r"a root is written \sqrt[3]{x}, with a number from 2", n.at)
            self.i += 3
            power, op = n.text, "" if n.text == "2" else ".^"
        self.open("macro", r"\sqrt", t.at, function=FUNCTIONS["sqrt"], power=power, op=op)

    def function_name(self, before: str) -> unspecified.Function:
        """The unspecified function that is named here."""
        found = read_name(self.found, self.i, self.text)
        if found is None:
            raise self.error(f"after {before} stands the name of a function", self.next().at)
        self.i = found.after
        name = self.names.find(found.key, found.source) or key_name(found.key)
        known = self.names.known.get(name)
        if isinstance(known, unspecified.Function):
            return known
        if known is None and (name == "L" or found.font in ("mathcal", "mathscr")):
            return LOSS if name == "L" else unspecified.Function(name)
        raise self.error(f"{name} is not a function: declare it, as in {{{name!r}: mc.function({name!r})}}", found.at)

    def open_gradient(self, t: Token) -> bool:
        r"""Take ``\frac{\partial L}{\partial X}``, the gradient of an unspecified function; False if it is not there."""
        if [self.next(k).text for k in (1, 2)] != ["{", r"\partial"]:
            return False
        self.i += 3
        function = self.function_name(r"\partial")
        if [self.next(k).text for k in range(3)] != ["}", "{", r"\partial"]:
            raise self.error(r"a gradient is written \frac{\partial L}{\partial X}", t.at)
        self.open("macro", r"\partial", t.at, function=Gradient(function))
        self.open("argument", "{", self.next(1).at, closes="brace")
        self.i += 3
        return True

    def head_here(self) -> Head | None:
        """The function whose name stands here, with ``i`` moved behind it; None where there is none."""
        t = self.next()
        texts: list[str] = []
        ends: list[int] = []
        i = self.i
        open_braces: list[Token] = []
        while len(texts) < LONGEST and i < len(self.found) - 1:
            s = self.found[i]
            if s.kind == "brace":
                if s.side == "open" and texts and texts[-1] == "_":
                    assert s.partner is not None
                    open_braces.append(s.partner)
                elif not (s.side == "close" and open_braces and s is open_braces[-1]):
                    break
            else:
                texts.append(s.text)
                ends.append(i + 1)
            i += 1
        for length in range(len(texts), 0, -1):
            head = HEADS.get(tuple(texts[:length]))
            if head is None:
                continue
            after = ends[length - 1]
            while self.found[after].kind == "brace" and self.found[after] in open_braces:
                after += 1
            if not self.has_name_of_function(t) and head.script != "order" and self.found[after].side != "open":
                continue
            self.i = after
            return head
        if t.kind == "word" or (t.kind == "command" and t.spelled not in NOT_HERE):
            head = named_head(t.spelled)
            self.i += head is not None
            return head
        return self.run_of_letters()

    def has_name_of_function(self, t: Token) -> bool:
        r"""Whether a head is one by its first token: ``\log`` is, ``\sigma`` only before a bracket."""
        return t.kind == "word" or (t.kind == "command" and simple_name(t) is None)

    def run_of_letters(self) -> Head | None:
        """A function spelled with plain letters, as in tr(A), unless every letter is declared."""
        k = self.i
        while self.found[k].kind == "letter" and not self.found[k].font and k - self.i <= LONGEST_RUN:
            if k > self.i and self.found[k].at != self.found[k - 1].end:
                break
            k += 1
        run = "".join(s.text for s in self.found[self.i : k])
        head = named_head(run) if 2 <= len(run) <= LONGEST_RUN else None
        if head is None or all(self.names.find((c, (), ()), c) for c in run):
            return None
        self.i = k
        return head

    def open_function(self, head: Head, t: Token) -> bool:
        """A function whose name was read: what stands below and above it, then its argument; an operand is due."""
        extra: tuple[int, ...] = ()
        power = ""
        scripted = self.next().text == "_"
        arguments: list[Operand] = []
        if (head.script and self.next().text == "_") or head.script == "order":
            extra, arguments = self.parameters(head, t)
        elif self.next().text == "_":
            raise self.error(f"{t.text} takes no subscript here", self.next().at)
        if self.next().text == "^":
            script = self.found[self.i + 1]
            power = self.found[self.i + 2].text if script.text == "{" else script.text
            if not power.isdigit() or (script.text == "{" and self.found[self.i + 3].text != "}"):
                raise self.error(
                    "a superscript on the name of a function is a power, as in \\sin^2 x; for the inverse or the reciprocal "
                    "write which: \\arcsin x, (\\sin x)^{-1}", self.next().at,
                )  # fmt: skip
            self.i += 4 if script.text == "{" else 2
        s = self.next()
        function = head.function
        if isinstance(function, Function) and not scripted:
            function = ONE_AXIS.get(function, function)
        if s.kind == "delim" and s.side == "open" and s.text in "([{":
            self.i += 1
            self.open("call", t.text, t.at, closes=PARTNER[s.text], function=function, power=power, extra=extra).args.extend(
                arguments
            )
        else:
            self.open("function", t.text, t.at, APPLY, function=function, power=power, extra=extra)
        return True

    def parameters(self, head: Head, t: Token) -> tuple[tuple[int, ...], list[Operand]]:
        """What a subscript on the name of a function says: arguments behind the others, and before them."""
        if head.script == "order":
            n = self.next()
            self.i += 1
            if n.text == "{":
                n = self.next()
                self.i += 2
            if not n.text.isdigit():
                raise self.error("the order of a polygamma function is a number", n.at)
            k = self.plain("number", n.text, n.at)
            return (), [Operand(k, n.at, n.end)]
        script = self.script_here()
        if head.script == "dims":
            return tuple(self.sizes(script, 2 if head.function is FUNCTIONS["reshape"] else MOST_AXES)), []
        words = "".join(s.text for s in script if s.kind != "brace")
        if words == "all":
            return (), []
        axis = {"columns": "1", "rows": "2", "1": "1", "2": "2"}.get(words)
        if axis is None:
            raise self.error(rf"{t.spelled} has the subscripts \text{{columns}} and \text{{rows}}", script[0].at)
        return (self.plain("number", axis, t.at),), []

r"""From TeX tokens to the parts that ``lex`` makes of text: the same operator-precedence parser, for LaTeX.

Side by side is a product, a function takes what stands beside it, and ``\sum`` the product that follows. What has more
than one customary meaning is refused, with both.
"""

from __future__ import annotations

import difflib
import re

from matcalc.expr import Expr
from matcalc.from_latex.heads import EXPONENTIAL, HEADS, LONGEST, NOT_READ, Head, named_head
from matcalc.from_latex.names import ACCENTS, ReadName, read_name, simple_name
from matcalc.from_latex.scripts import TRANSPOSES, Scripts
from matcalc.from_latex.stack import APPLY, INSIDE, PAIR, PREFIX, SUM, TERM, Open
from matcalc.from_latex.tokens import FONTS, PARTNER, UPRIGHT, Token
from matcalc.functions import FUNCTIONS, Function
from matcalc.infer import LOSS, Gradient
from matcalc.lex import Operand, Part
from matcalc.ops import unspecified
from matcalc.printing.names import GREEK, key_name, name_latex

OPERATORS = {
    "+": ("+", SUM), "-": ("-", SUM), "*": ("*", TERM), r"\cdot": (r"\cdot", TERM), r"\ast": ("*", TERM), "/": ("/", TERM),
    r"\times": (r"\times", TERM), r"\odot": (".*", TERM), r"\circ": (".*", TERM), r"\oslash": ("./", TERM),
    r"\otimes": (r"\otimes", TERM), ":": (":", PAIR), r"\colon": (":", PAIR), r"\div": ("/", TERM),
}  # fmt: skip
MOST_AXES = 26
ROUND = re.compile(r"(?:\\left|\\[bB]igg?l?)?\s*\(")
FRACTIONS = frozenset((r"\frac", r"\dfrac", r"\tfrac", r"\cfrac"))
RELATIONS = frozenset((
    "=", "<", ">", r"\le", r"\leq", r"\ge", r"\geq", r"\approx", r"\equiv", r"\in", r"\to", r"\propto", r"\neq", r"\sim",
    r"\coloneqq", r"\triangleq", r"\rightarrow", r"\mapsto",
))  # fmt: skip
CONSTANTS = {"K": "K", "D": "Dup", "B": "Toep", "L": "Elim"}  # with sizes, as in K^{(m,n)}
FUNCTION_LETTERS = frozenset(("f", "g", "h", "F", "G", "J", "φ", "ψ", "ell"))
NOT_HERE = {
    "prod": r"products over an index are not read: \operatorname{prod}(x) is the product of all entries",
    "partial": r"\partial stands only in \frac{\partial L}{\partial X} of a declared function: mc.grad finds derivatives",
    "int": "integrals are not read", "lim": "limits are not read", "infty": "an infinite number is not read",
    "pm": r"\pm has two meanings: write one sign", "mp": r"\mp has two meanings: write one sign",
    "ldots": "dots are not read", "dots": "dots are not read", "cdots": "dots are not read", "vdots": "dots are not read",
}  # fmt: skip
KNOWN = sorted({
    *(t[1:] for t in (*OPERATORS, *FRACTIONS, *TRANSPOSES) if t[0] == "\\"), *FONTS,
    *(g for g in GREEK if name_latex(g) == f"\\{g}"), *ACCENTS, "sqrt", "sum", "left",
    "right", "begin", "end", "overline", "nabla", "partial", "dagger", "langle", "rangle", "lVert", "rVert", "lvert", "rvert",
    "infty", *(h[0][1:] for h in HEADS if h[0][0] == "\\"), "quad", "prod", "ln",
})  # fmt: skip


class LatexReader(Scripts):
    """The parser of LaTeX; after ``run`` it says of the parts what their kind does not."""

    ended = False
    deepest = 5_000

    def run(self) -> list[Part]:
        """Read everything: an operand is due at first, then after each operator and opening bracket."""
        due = True
        while not self.ended:
            t = self.next()
            due = self.take_operand(t) if due else self.take_operator(t)
            if len(self.frames) > self.deepest:
                raise self.too_deep(t.at)
        return self.parts

    # ---------------------------------------------------------------- where an operand is due
    def take_operand(self, t: Token) -> bool:
        """Take the token; whether an operand is still due."""
        top = self.top
        if top is not None and top.kind == "macro":
            return self.take_argument(t, top)
        match t.kind:
            case "letter" | "word" | "command":
                if (spelled := self.names.spelled_out(self.found, self.i)) is not None:
                    self.i += spelled[1]
                    return self.declared(spelled[0], t)
                return self.take_command(t) if t.kind == "command" else self.take_name(t)
        self.i += 1
        match t.kind:
            case "number":
                self.number_operand(t)
                return False
            case "brace" if t.side == "open":
                self.open("group", "{", t.at, closes="brace")
                return True
            case "delim" if t.text == self.next().text == "|" and self.next().side == t.side:
                self.i += 1
                self.open("norm", "||", t.at, closes="||")
                return True
            case "delim" if t.side != "close" and not self.sizes_only:
                kind = {"|": "bars", "‖": "norm", "⟨": "inner"}.get(t.text, "group")
                indices = self.indices_after(t) if t.text == "[" else ()
                self.open(kind, t.text, t.at, closes=PARTNER[t.text], indices=indices)
                self.bind(indices)
                return True
            case "delim" if t.text == "(":
                self.open("group", t.text, t.at, closes=")")
                return True
            case "begin":
                self.open("matrix", t.text, t.at, closes="end")
                return True
            case "end" if top is not None and top.kind == "matrix" and top.rows and len(top.args) == sum(top.rows):
                self.close_matrix(t, top)
                return False
        if t.text in ("+", "-"):
            self.open("prefix", t.text, t.at, PREFIX)
            return True
        raise self.error(self.missing_here(t), t.at)

    def missing_here(self, t: Token) -> str:
        """What to say where an operand is missing."""
        bracket = any(f.binds == 0 for f in self.frames)
        if t.kind == "stop":
            return "the text ends where an operand is missing" + (", and a bracket is still open" if bracket else "")
        if t.side == "close" and not bracket:
            return f"this {t.text} closes no bracket"
        if t.text in ("^", "_"):
            return f"{t.text} needs something before it"
        return f"an operand is missing before {t.text or t.kind}"

    def number_operand(self, t: Token) -> None:
        """A number, or ones or zeros where it is bold or has sizes."""
        if t.text in ("0", "1") and (t.font or self.next().text == "_") and not self.sizes_only:
            self.constant("ones" if t.text == "1" else "zeros", t)
        else:
            self.push(Part("number", t.text, (), t.at, t.end, t.at))

    def take_argument(self, t: Token, top: Open) -> bool:
        """The argument of a macro: in braces, or one symbol; whether an operand is due."""
        if t.kind == "brace" and t.side == "open":
            self.i += 1
            self.open("argument", "{", t.at, closes="brace")
            return True
        if t.kind == "number" and len(t.text) > 1 and t.text.isdigit():
            self.push(Part("number", t.text[0], (), t.at, t.at + 1, t.at))
            self.found[self.i] = Token("number", t.text[1:], t.at + 1, t.end)
            return self.feed(top)
        found = simple_name(t)
        if t.kind != "number" and found is None:
            raise self.error(f"{top.head} needs its argument in braces", t.at)
        self.i += 1
        if found is None:
            self.push(Part("number", t.text, (), t.at, t.end, t.at))
        else:
            self.named(found, t, alone=True)
        return self.feed(top)

    def feed(self, top: Open) -> bool:
        """Give a macro its next argument; whether it needs another."""
        top.args.append(self.operands.pop())
        if len(top.args) < (2 if top.head in FRACTIONS else 1):
            return True
        self.frames.pop()
        start, end = top.at, self.found[self.i - 1].end
        a = top.args[0].part
        if top.head in FRACTIONS:
            self.push(Part("binary", "/", (a, top.args[1].part), start, end, start))
        elif top.op:  # a root
            one, n = self.plain("number", "1", start), self.plain("number", top.power, start)
            self.push(Part("binary", "/", (one, n), start, end, start))
            self.push(Part("binary", top.op, (a, self.operands.pop().part), start, end, start))
        else:
            self.apply(top.function, [a], start, end, start)
        self.bracketed.add(self.latest)
        return False

    # ---------------------------------------------------------------- names
    def take_name(self, t: Token) -> bool:
        """A letter or a word: a name, or a function; whether an operand is due."""
        found = read_name(self.found, self.i, self.text)
        assert found is not None
        if not self.sizes_only and self.names.find(found.key, found.source) is None and (head := self.head_here()) is not None:
            return self.open_function(head, t)
        self.i = found.after
        return self.named(found, t)

    def named(self, found: ReadName, t: Token, alone: bool = False) -> bool:
        """A name that was read: declared, a constant, or one that nobody declared; whether an operand is due."""
        name = self.names.find(found.key, found.source)
        if name is not None:
            return self.declared(name, t, alone)
        if self.sizes_only:
            self.name_part(key_name(found.key), t)
            return False
        bare = (found.key[0], found.key[1], ())
        if found.script is not None:
            base = self.names.find(bare, found.bare_source)
            if base is not None and self.is_array(base):
                self.name_part(base, t)
                return self.entries(found.script, base)
            if base is None and any(self.index_of(s) for s in found.script):
                return self.indexed(found, t)
        if found.font == "mathbb" and found.key[0] != "I":
            raise self.error(f"{found.source} is not read: sets, expectations and probabilities are no expressions here", t.at)
        if not alone and (taken := self.special(found, t)):
            return taken == "operand due"
        if found.script is not None:
            self.require_name(found)
        name = key_name(found.key)
        if name in self.bound:
            raise self.error(f"{name} is an index here: it stands in a subscript, not as a number", t.at)
        if not alone and self.next().kind == "delim" and self.next().text in ("(", "["):
            if found.font in ("mathcal", "mathscr") or name == "L":
                return self.open_function(Head(unspecified.Function(name)), t)
            if found.key[0] in FUNCTION_LETTERS:
                raise self.error(
                    f"{name}(...) may be a function or a product: declare it, as in {{{name!r}: mc.function({name!r})}}, or "
                    rf"write {name} \cdot (...)", t.at,
                )  # fmt: skip
            if found.font in UPRIGHT and len(found.key[0]) > 1 and not found.key[2]:
                raise self.error(self.unknown_function(found.key[0]), t.at)
        if found.font == "operatorname":
            raise self.error(self.unknown_function(found.key[0]), t.at)
        self.note(name, found)
        self.name_part(name, t)
        return False

    def unknown_function(self, name: str) -> str:
        """What to say of a function that nobody knows."""
        near = difflib.get_close_matches(name, [f for f in FUNCTIONS if len(f) > 1], n=2, cutoff=0.6)
        hint = f"; did you mean {' or '.join(near)}?" if near else rf"; for a product write \mathrm{{{name}}} \cdot (...)"
        return f"unknown function {name}{hint}"

    def indexed(self, found: ReadName, t: Token) -> bool:
        """Entries of an array that nobody declared, or Kronecker's delta."""
        assert found.script is not None
        if found.key[0] == "δ" and not found.key[1]:
            self.delta(found.script, t.at)
            return False
        name = key_name((found.key[0], found.key[1], ()))
        self.used.setdefault(name, found)
        self.name_part(name, t)
        return self.entries(found.script, name)

    def require_name(self, found: ReadName) -> None:
        """Refuse a subscript that is neither part of a name nor the place of an entry."""
        assert found.script is not None
        for s in found.script:
            if s.kind not in ("letter", "word", "number", "command", "brace") and s.text != ",":
                raise self.error(f"the subscript of {found.bare_source} is not a name: {s.text} is in it", s.at)
        letters = [s.text for s in found.script if s.kind != "brace" and s.text != ","]
        if len(letters) == 2 and set(letters) <= set("ijkl"):
            raise self.error(
                f"the indices of {found.source} are neither summed over nor free: write the sum, or declare "
                f"{key_name(found.key)} as a name", found.at,
            )  # fmt: skip
        if len(letters) > 1 and all(s.isdigit() for s in letters):
            bare = key_name((found.key[0], found.key[1], ()))
            raise self.error(f"{found.source} may be an entry or a name: declare {bare}, or {key_name(found.key)}", found.at)

    def note(self, name: str, found: ReadName) -> None:
        """Remember a name that nobody declared; the same name in two fonts may be two names."""
        first = self.used.setdefault(name, found)
        if first.font != found.font and first.key == found.key:
            raise self.error(
                f"{name} stands here in another font than before: declare it if it is one name, or write two names",
                found.at,
            )

    def name_part(self, name: str, t: Token) -> None:
        """An operand that is a name."""
        self.push(Part("name", name, (), t.at, max(t.end, self.found[self.i - 1].end), t.at))

    def is_array(self, name: str) -> bool:
        """Whether a declared name has entries."""
        known = self.names.known.get(name)
        return not known.is_scalar if isinstance(known, Expr) else getattr(known, "word", "scalar") != "scalar"

    def declared(self, name: str, t: Token, alone: bool = False) -> bool:
        """A declared name: a function takes its argument; whether an operand is due."""
        known = self.names.known.get(name)
        if isinstance(known, (Function, unspecified.Function)):
            if name in CONSTANTS and self.sizes_follow():
                self.sized(CONSTANTS[name], t)
                return False
            return self.open_function(Head(known), t)
        if name in self.bound and not self.sizes_only:
            raise self.error(f"{name} is an index here: it stands in a subscript, not as a number", t.at)
        self.name_part(name, t)
        if not alone and not self.sizes_only and self.next().text == "_" and self.is_array(name):
            return self.entries(self.script_here(), name)
        return False

    def sizes_follow(self) -> bool:
        """Whether sizes stand above the line, as in ``K^{(m,n)}``."""
        return [self.next(k).text for k in range(3)] == ["^", "{", "("]

    def special(self, found: ReadName, t: Token) -> str:
        """Take a letter that names a constant: the identity, Euler's number, pi, the imaginary unit, a unit vector."""
        head, accents, below = found.key
        if accents:
            return ""
        if head == "I":
            if found.script is not None and any(s.text == ":" for s in found.script):  # some of its columns
                self.push(Part("constant", "eye", (), t.at, t.end, t.at))
                self.entries(found.script, None)
                return "complete"
            self.i = found.bare_after
            self.constant("eye", t)
            return "complete"
        if head == "e" and found.script is not None and len(found.script) == 1 and found.script[0].text.isdigit():
            position = self.plain("number", found.script[0].text, t.at)
            self.push(Part("constant", "unit", (position,), t.at, self.found[self.i - 1].end, t.at))
            return "complete"
        if head == "e" and not below:
            if self.next().text != "^":
                raise self.error(r"e is Euler's number only as e^{x}: declare e to use it as a name, or write \exp(1)", t.at)
            self.i += 1
            self.open("macro", "e^", t.at, function=EXPONENTIAL)
            return "operand due"
        if head == "π" and not below:
            self.name_part("pi", t)
            return "complete"
        if head == "i" and found.font == "mathrm" and not below:
            self.push(Part("number", "1i", (), t.at, t.end, t.at))
            return "complete"
        if head in CONSTANTS and not below and self.sizes_follow():
            self.sized(CONSTANTS[head], t)
            return "complete"
        if head == "L" and len(below) == 1 and f"d{below[0]}" in FUNCTIONS and self.next().text == "(":
            self.open_function(Head(FUNCTIONS[f"d{below[0]}"]), t)
            return "operand due"
        return ""

    # ---------------------------------------------------------------- commands and functions
    def take_command(self, t: Token) -> bool:
        """A command where an operand is due; whether one is still due."""
        found = read_name(self.found, self.i, self.text)
        if found is not None:
            known = self.names.find(found.key, found.source) or self.sizes_only
            if not known and (head := self.head_here()) is not None:
                return self.open_function(head, t)
            self.i = found.after
            return self.named(found, t)
        if not self.sizes_only and self.open_macro(t):
            return True
        if not self.sizes_only and (head := self.head_here()) is not None:
            return self.open_function(head, t)
        if self.sizes_only:
            if t.text in FRACTIONS:
                self.i += 1
                self.open("macro", t.text, t.at)
                return True
            raise self.error(
                f"{t.text} does not stand in a dimension, which is a number, a name, or a polynomial such as n+1", t.at
            )
        raise self.error(self.unknown(t), t.at)

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
            i += 1
            ends.append(i) if s.kind != "brace" else None
        for length in range(len(texts), 0, -1):
            head = HEADS.get(tuple(texts[:length]))
            if head is None:
                continue
            after = ends[length - 1]
            while self.found[after].kind == "brace" and self.found[after] in open_braces:
                after += 1
            if not self.has_name_of_function(t) and head.script != "order" and self.found[after].kind != "delim":
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
        while (
            self.found[k].kind == "letter"
            and not self.found[k].font
            and (k == self.i or self.found[k].at == self.found[k - 1].end)
        ):
            k += 1
        run = "".join(s.text for s in self.found[self.i : k])
        head = named_head(run) if 2 <= len(run) <= 12 else None
        if head is None or all(self.names.find((c, (), ()), c) for c in run):
            return None
        self.i = k
        return head

    def open_function(self, head: Head, t: Token) -> bool:
        """A function whose name was read: what stands below and above it, then its argument; an operand is due."""
        extra: tuple[int, ...] = ()
        power = ""
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
        axis = {"columns": "1", "rows": "2", "1": "1", "2": "2"}.get("".join(s.text for s in script if s.kind != "brace"))
        if axis is None:
            raise self.error(rf"{t.spelled} has the subscripts \text{{columns}} and \text{{rows}}", script[0].at)
        return (self.plain("number", axis, t.at),), []

    def unknown(self, t: Token) -> str:
        """What to say of a command that cannot be read here."""
        name = t.spelled
        if t.text in OPERATORS or t.text in TRANSPOSES or t.text in RELATIONS or not name.isalpha():
            return f"an operand is missing before {t.text}"
        if name in NOT_HERE:
            return NOT_HERE[name]
        if name in NOT_READ:
            return f"{t.text} is not read: there is no such function here"
        near = difflib.get_close_matches(name, [*KNOWN, *(f for f in FUNCTIONS if len(f) > 1)], n=2, cutoff=0.6)
        hint = " or ".join("\\" + n for n in near)
        return f"unknown command {t.text}" + (f"; did you mean {hint}?" if near else rf"; a name is written \mathrm{{{name}}}")

    # ---------------------------------------------------------------- where an operator is due
    def take_operator(self, t: Token) -> bool:
        """Take the token; whether an operand is due after it."""
        top = self.top
        if t.kind == "stop":
            self.finish()
            return False
        if t.kind == "other" and t.text == "^":
            return self.superscript(t)
        if t.kind == "other" and t.text == "_":
            return self.subscript(t)
        if t.text == "'":
            self.i += 1
            base = self.operands.pop()
            self.push(Part("transpose", "'", (base.part,), base.start, t.end, t.at))
            self.marked_by_letter.add(self.latest)
            return False
        if t.text in OPERATORS:
            return self.take_infix(t)
        if t.side == "close" or (t.side == "either" and self.closes_here(t)):
            self.i += 1
            closing = "brace" if t.kind == "brace" else t.text
            if t.text == self.next().text == "|" and self.innermost() == "||":
                closing = "||"
                self.i += 1
            self.closed(closing, t)
            top = self.top
            if t.kind == "brace" and top is not None and top.kind == "macro":
                return self.feed(top)
            return False
        if t.text in (",", ".", ";") and self.next(1).kind == "stop":  # the end of a sentence
            self.i += 1
            return False
        if t.text in (",", "&", r"\\") or t.kind == "end":
            return self.separate(t)
        if t.text in RELATIONS:
            raise self.error(f"an expression has no {t.text}: give one side of it", t.at)
        if t.kind == "other":
            hint = "; for a factorial write \\Gamma(n + 1)" if t.text == "!" else ""
            raise self.error(f"cannot read {t.text!r} here{hint}", t.at)
        return self.juxtapose(t)

    def closes_here(self, t: Token) -> bool:
        """Whether bars close the ones that are open."""
        return self.innermost() in (t.text, 2 * t.text)

    def innermost(self) -> str:
        """What closes the innermost bracket."""
        k = len(self.frames) - 1
        while k >= 0 and self.frames[k].binds:
            k -= 1
        frame = self.frames[k] if k >= 0 else None
        return frame.closes if isinstance(frame, Open) else ""

    def take_infix(self, t: Token) -> bool:
        """An operator between two sides."""
        self.i += 1
        op, binds = OPERATORS[t.text]
        if t.text == r"\odot" and self.next().text == "_":
            if [s.text for s in self.script_here()] != ["KR"]:
                raise self.error(r"the product \odot has no subscript but \mathrm{KR}, of columns with columns", t.at)
            op = "khatrirao"
        top = self.top
        if binds > SUM and top is not None and top.inside:
            raise self.error(f"how far the function reaches is not clear before {t.text}: put its argument in brackets", t.at)
        self.reduce(binds)
        self.open("binary", t.text, t.at, binds, op=op)
        return True

    def juxtapose(self, t: Token) -> bool:
        """A product of what stands side by side: the token begins its right side."""
        top = self.top
        left = self.operands[-1]
        part = self.parts[left.part]
        if t.kind == "number" and not t.font:
            raise self.error(rf"a number stands before a factor, or after \cdot; a subscript is written _{{{t.text}}}", t.at)
        if self.sizes_only and t.kind not in ("letter", "word", "command", "brace") and t.text != "(":
            raise self.error("a dimension is a number, a name, or a polynomial such as n+1", t.at)
        inside = top is not None and top.inside
        if inside:
            here = self.i
            begins = t.kind == "command" and simple_name(t) is None and t.text not in FRACTIONS and t.text != r"\sqrt"
            head = self.head_here() if t.kind in ("word", "command", "letter") else None
            self.i = here
            names_trace = any(
                isinstance(f, Open) and f.kind == "function" and getattr(f.function, "name", "") == "tr"
                for f in self.frames[-3:]
            )
            if (begins or head is not None) and not names_trace and t.text != r"\sum":
                self.reduce(APPLY)
                inside = False
            elif (begins or head is not None or t.kind == "delim" or left.part in self.bracketed) and part.kind != "number":
                raise self.error("how far the function reaches is not clear here: put its argument in brackets", t.at)
        elif top is not None and top.kind == "binary" and top.op == "/" and not ROUND.match(self.text, left.start):
            above = self.parts[self.operands[-2].part]
            if above.kind != "number" or part.kind not in ("number", "name"):
                raise self.error(r"what is divided by is not clear here: write \frac{...}{...}, or brackets around it", t.at)
        level = INSIDE if inside else TERM
        self.reduce(level)
        self.open("binary", "", t.at, level, op="*")
        return True

    def separate(self, t: Token) -> bool:
        """A comma, or what separates the blocks of a matrix."""
        self.reduce(1)
        self.i += 1
        top = self.top
        if t.text == ",":
            if top is None or top.kind not in ("call", "inner"):
                raise self.error("a comma stands only between the arguments of a function or the places of an entry", t.at)
            top.args.append(self.operands.pop())
            return True
        if top is None or top.kind != "matrix":
            raise self.error("this bracket is not closed", top.at if top is not None else t.at)
        top.args.append(self.operands.pop())
        if t.text == "&":
            return True
        top.rows.append(len(top.args) - sum(top.rows))
        if t.kind == "end":
            self.i -= 1
            self.close_matrix(self.next(), top)
            return False
        return True

    def close_matrix(self, t: Token, top: Open) -> None:
        """Finish a matrix of blocks; bars around it are its determinant."""
        if self.found[self.i] is t:
            self.i += 1
        self.frames.pop()
        self.push(Part("blocks", "", tuple(a.part for a in top.args), top.at, t.end, top.at))
        self.rows[self.latest] = top.rows
        self.bracketed.add(self.latest)
        if top.head == "vmatrix":
            inner = self.operands.pop()
            self.apply(FUNCTIONS["det"], [inner.part], top.at, t.end, top.at)

    def finish(self) -> None:
        """Finish everything at the end of the source."""
        self.reduce(1)
        top = self.top
        if top is not None:
            raise self.error("this bracket is not closed", top.at)
        self.ended = True

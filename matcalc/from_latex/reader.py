r"""From TeX tokens to the parts that ``lex`` makes of text: the same operator-precedence parser, for LaTeX.

Side by side is a product, a function takes what stands beside it, and ``\sum`` the product that follows. What has more
than one customary meaning is refused, with both.
"""

from __future__ import annotations

import difflib
import re

from matcalc.expr import Expr
from matcalc.from_latex.calls import FRACTIONS, NOT_HERE, Calls
from matcalc.from_latex.heads import EXPONENTIAL, HEADS, NOT_READ, Head
from matcalc.from_latex.names import ACCENTS, ReadName, read_name, simple_name
from matcalc.from_latex.scripts import TRANSPOSES
from matcalc.from_latex.stack import APPLY, INSIDE, PAIR, PREFIX, SUM, TERM, Open
from matcalc.from_latex.tokens import FONTS, PARTNER, UPRIGHT, Token
from matcalc.functions import FUNCTIONS, Function
from matcalc.lex import Operand, Part
from matcalc.ops import unspecified
from matcalc.printing.names import GREEK, key_name, name_latex

OPERATORS = {
    "+": ("+", SUM), "-": ("-", SUM), "*": ("*", TERM), r"\cdot": (r"\cdot", TERM), r"\ast": ("*", TERM), "/": ("/", TERM),
    r"\times": (r"\times", TERM), r"\odot": (".*", TERM), r"\circ": (".*", TERM), r"\oslash": ("./", TERM),
    r"\otimes": (r"\otimes", TERM), ":": (":", PAIR), r"\colon": (":", PAIR), r"\div": ("/", TERM),
}  # fmt: skip
ROUND = re.compile(r"(?:\\left|\\[bB]igg?l?)?\s*\(")
PLAIN_MACROS = FRACTIONS | {r"\sqrt"}
RELATIONS = frozenset((
    "=", "<", ">", r"\le", r"\leq", r"\ge", r"\geq", r"\approx", r"\equiv", r"\in", r"\to", r"\propto", r"\neq", r"\sim",
    r"\coloneqq", r"\triangleq", r"\rightarrow", r"\mapsto",
))  # fmt: skip
CONSTANTS = {"K": "K", "D": "Dup", "B": "Toep", "L": "Elim"}  # with sizes, as in K^{(m,n)}
FUNCTION_LETTERS = frozenset(("f", "g", "h", "F", "G", "J", "φ", "ψ", "ell"))
KNOWN = sorted({
    *(t[1:] for t in (*OPERATORS, *FRACTIONS, *TRANSPOSES) if t[0] == "\\"), *FONTS,
    *(g for g in GREEK if name_latex(g) == f"\\{g}"), *ACCENTS, "sqrt", "sum", "left",
    "right", "begin", "end", "overline", "nabla", "partial", "dagger", "langle", "rangle", "lVert", "rVert", "lvert", "rvert",
    "infty", *(h[0][1:] for h in HEADS if h[0][0] == "\\"), "quad", "prod", "ln",
})  # fmt: skip


class LatexReader(Calls):
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
        if found.key[1] == ("bar",) and (base := self.names.find((found.key[0], (), found.key[2]), found.source)) is not None:
            known = self.names.known.get(base)
            if isinstance(known, Expr) and known.is_complex:
                self.name_part(base, t)
                self.apply(FUNCTIONS["conj"], [self.operands.pop().part], t.at, self.found[self.i - 1].end, t.at)
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
                raise self.error(
                    f"the subscript of {found.bare_source} is not a name: declare {found.bare_source} to take entries of it",
                    s.at,
                )
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
            if not known and t.spelled not in ACCENTS and (head := self.head_here()) is not None:
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
            inside = not self.ends_argument(t, left)
        elif top is not None and top.kind == "binary" and top.op == "/" and not ROUND.match(self.text, left.start):
            above = self.parts[self.operands[-2].part]
            if above.kind != "number" or part.kind not in ("number", "name"):
                raise self.error(r"what is divided by is not clear here: write \frac{...}{...}, or brackets around it", t.at)
        level = INSIDE if inside else TERM
        self.reduce(level)
        self.open("binary", "", t.at, level, op="*")
        return True

    def ends_argument(self, t: Token, left: Operand) -> bool:
        """Whether an argument without brackets ends before the next function; refused where that is not clear."""
        here = self.i
        calls = t.kind in ("word", "command", "letter") and self.head_here() is not None
        self.i = here
        other = t.kind == "command" and simple_name(t) is None and t.text not in PLAIN_MACROS
        of_trace = any(isinstance(f, Open) and f.kind == "function" and f.function is FUNCTIONS["tr"] for f in self.frames[-3:])
        if (calls or other) and not of_trace and t.text != r"\sum":
            self.reduce(APPLY)
            return True
        if (calls or other or t.kind == "delim" or left.part in self.bracketed) and self.parts[left.part].kind != "number":
            raise self.error("how far the function reaches is not clear here: put its argument in brackets", t.at)
        return False

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

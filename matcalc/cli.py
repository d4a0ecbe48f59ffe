"""The command line: ``matcalc grad "norm2(A*x-y)^2" --wrt x`` and its sisters.

Exit status: 0, 1 where a check failed, 2 for bad input.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matcalc as mc
from matcalc.calculus import upstream_of
from matcalc.check import ALONG
from matcalc.codefiles.to_code import LANGUAGES, listing
from matcalc.declare import read_symbols
from matcalc.derivations.derivation_lines import DETAILS
from matcalc.derive import STYLES
from matcalc.errors import MatcalcError, OperandError, ParseError
from matcalc.expr import Expr, Symbol
from matcalc.jacobian import LAYOUTS
from matcalc.json_form import graph
from matcalc.judging.question import KINDS
from matcalc.names import LONG

FORMATS = ("text", "latex", "markdown", *LANGUAGES, "json")
CERTIFICATES = {"text": "to_text", "latex": "to_latex", "markdown": "to_markdown", "json": ""}
READERS = {"text": mc.parse, "latex": mc.parse_latex}
REMARKS = {
    "text": "",
    "latex": "% ",
    "markdown": "",
    **dict.fromkeys(LANGUAGES, "# "),
    "matlab": "% ",
}  # how each format writes a line that is not the result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is returned."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a letter that the terminal lacks is no reason to fail
    parser = build_parser()
    options = parser.parse_args(protected(sys.argv[1:] if arguments is None else arguments))
    if options.verb is None:
        parser.print_help()
        return 2
    try:
        status = int(options.run(options))
        if sys.stdout is not None:
            sys.stdout.flush()
    except MatcalcError as error:
        print(f"matcalc: {error}", file=sys.stderr)
        if "is not declared" in str(error):
            print('declare names with --vars, as in --vars "A[m,n] x[n] c"', file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader has seen enough, as head does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status


def protected(arguments: Sequence[str]) -> list[str]:
    """The arguments, with a blank before what starts with one minus sign: an expression, not an option."""
    return [f" {a}" if re.match(r"-[^-]", a) and a != "-h" else a for a in arguments]


def build_parser() -> argparse.ArgumentParser:
    """The arguments of every verb."""
    parser = argparse.ArgumentParser(
        prog="matcalc",
        description="Derivatives of matrix expressions, in closed matrix form, derived line by line and checked.",
        epilog="exit status: 0, 1 where a check failed, 2 for bad input",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"matcalc {mc.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")

    def verb(name: str, run: Callable[[argparse.Namespace], int], what: str, example: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(
            name, help=what, description=what[0].upper() + what[1:] + ".", epilog=f"example: {example}", allow_abbrev=False
        )
        sub.set_defaults(run=run)
        return sub

    def expression(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("expression", help="in the text syntax, such as norm2(A*x-y)^2")
        sub.add_argument(
            "--from", choices=READERS, default="text", dest="source", help="what the expression is written in (default: text)"
        )
        sub.add_argument(
            "--vars", default=None, metavar="DECLARATIONS", help='such as "A[m,n] x[n] y[m]"; what is left out is guessed'
        )

    def output(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--to", choices=FORMATS, default="text", help="what to print (default: text)")
        sub.add_argument(
            "--names",
            choices=("auto", "none"),
            default="auto",
            help="names for the shared parts of long answers (default: auto)",
        )

    def trials(sub: argparse.ArgumentParser, count: int) -> None:
        sub.add_argument("--trials", type=_count, default=count, metavar="N", help=f"random points (default: {count})")
        sub.add_argument("--seed", type=_count, default=0, metavar="N", help="makes the points (default: 0)")

    def derivative(sub: argparse.ArgumentParser) -> None:
        expression(sub)
        sub.add_argument(
            "--wrt", required=True, metavar="NAMES", help="what to differentiate by, such as x, or W,b for several"
        )
        sub.add_argument("--steps", action="store_true", help="print the derivation, line by line")
        sub.add_argument("--style", choices=STYLES, default="index", help="of --steps: in which notation (default: index)")
        sub.add_argument("--detail", choices=DETAILS, default="normal", help="of --steps: how much (default: normal)")
        sub.add_argument("--shapes", action="store_true", help="of --steps: the shapes below each line")
        sub.add_argument("--check", action="store_true", help="check the result against differences at random points")
        output(sub)

    derivative(verb("grad", run_grad, "the gradient of a scalar function", 'matcalc grad "norm2(A*x-y)^2" --wrt x --steps'))
    sub = verb(
        "vjp", run_vjp, "the gradient of a loss, pulled back through a function", 'matcalc vjp "A*x" --wrt A --upstream g'
    )
    derivative(sub)
    sub.add_argument("--upstream", default="G", metavar="NAME", help="the loss's gradient by the function (default: G)")
    for name, run, what, example in (
        ("jacobian", run_jacobian, "the Jacobian of a function of any shape", 'matcalc jacobian "softmax(x)" --wrt x'),
        ("hessian", run_hessian, "the Hessian of a scalar function", 'matcalc hessian "norm2(A*x-y)^2" --wrt x'),
    ):
        sub = verb(name, run, what, example)
        derivative(sub)
        sub.add_argument("--layout", choices=LAYOUTS, default="numerator", help="how it is laid out (default: numerator)")
    sub = verb(
        "stationary", run_stationary, "where the gradient of a scalar function is zero, in closed form",
        'matcalc stationary "norm2(x)^2" --wrt x --vars "A[m,n] x[n] b[m]" --subject-to "A*x - b"',
    )  # fmt: skip
    expression(sub)
    sub.add_argument("--wrt", required=True, metavar="NAMES", help="the unknowns, such as x, or w,b for several")
    sub.add_argument(
        "--subject-to", action="append", default=[], metavar="TEXT", help="an affine expression that is zero; may be repeated"
    )
    sub.add_argument("--check", action="store_true", help="check the solution against differences at random points")
    sub.add_argument("--to", choices=("text", "latex", "markdown"), default="text", help="what to print (default: text)")
    sub = verb("simplify", run_simplify, "a shorter form of an expression", "matcalc simplify \"(A*B)'*inv(A)'\"")
    expression(sub)
    output(sub)
    sub = verb(
        "check", run_check, "whether an answer is the derivative of a function, and what is wrong with it",
        "matcalc check \"x'*A*x\" --wrt x --answer \"(A + A')*x\"",
    )  # fmt: skip
    expression(sub)
    sub.add_argument("--wrt", required=True, metavar="NAME", help="the variable that the answer is by")
    sub.add_argument("--answer", default=None, metavar="TEXT", help="the answer to judge; matcalc's own if left out")
    sub.add_argument("--kind", choices=KINDS, default="grad", help="what the answer is (default: grad)")
    sub.add_argument("--layout", choices=LAYOUTS, default="numerator", help="of a Jacobian or a Hessian (default: numerator)")
    sub.add_argument("--along", default=None, metavar="NAME", help="what a vjp, jvp or hvp is taken along (default: G, dX, v)")
    trials(sub, 5)
    sub = verb("equal", run_equal, "whether two expressions are the same function", 'matcalc equal "x\'*A*x" "x\'*A\'*x"')
    expression(sub)
    sub.add_argument("other", help="the other expression")
    trials(sub, 8)
    sub = verb(
        "convexity", run_convexity, "whether a scalar function is convex, concave or affine, with a proof",
        'matcalc convexity "norm2(A*x-y)^2" --wrt x',
    )  # fmt: skip
    expression(sub)
    sub.add_argument("--wrt", required=True, metavar="NAMES", help="the variable, or several that are taken together")
    sub.add_argument("--check", action="store_true", help="compare with chords on random segments of the domain")
    sub.add_argument("--to", choices=CERTIFICATES, default="text", help="what to print (default: text)")
    sub = verb(
        "code", run_code, "a file with a function, its derivatives and a check of them, in a programming language",
        'matcalc code "norm2(A*x-y)^2" --wrt x --to julia > f.jl',
    )  # fmt: skip
    expression(sub)
    sub.add_argument("--wrt", default=None, metavar="NAMES", help="what to differentiate by (default: every variable)")
    sub.add_argument("--to", choices=LANGUAGES, default="numpy", help="the language (default: numpy)")
    sub.add_argument("--name", default="f", metavar="NAME", help="what the function is called (default: f)")
    sub.add_argument("--hessian", action="store_true", help="the Hessian of a scalar function too")
    output(verb("demo", run_demo, "a bias added to every column: its gradient, derived and checked", "matcalc demo"))
    return parser


def _count(text: str) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text.strip()!r} is not a whole number from 0 to 999999999")
    return int(text)


# ------------------------------------------------------------------ the verbs
def run_grad(options: argparse.Namespace) -> int:
    """``matcalc grad``."""
    f, declared = read(options)
    targets = targets_of(options, f, declared)
    if options.steps:
        return show_derivations([mc.derive(f, w, style=options.style) for w in targets], options)
    results = mc.grad(f, targets)
    reports = [mc.check(f, w, r) for w, r in zip(targets, results, strict=True)] if options.check else []
    return show(dict(zip((w.name for w in targets), results, strict=True)), options, reports)


def run_vjp(options: argparse.Namespace) -> int:
    """``matcalc vjp``."""
    f, declared = read(options)
    targets = targets_of(options, f, declared)
    g = upstream_of(f, declared.get(options.upstream.strip(), options.upstream.strip()))
    if options.steps:
        return show_derivations([mc.derive(f, w, kind="vjp", upstream=g, style=options.style) for w in targets], options)
    results = mc.vjp(f, targets, g)
    assert isinstance(results, list)
    loss = mc.sum(mc.multiply(g, f))  # type: ignore[attr-defined]
    reports = [mc.check(loss, w, r) for w, r in zip(targets, results, strict=True)] if options.check else []
    return show(dict(zip((w.name for w in targets), results, strict=True)), options, reports)


def run_jacobian(options: argparse.Namespace) -> int:
    """``matcalc jacobian``."""
    f, declared = read(options)
    return show_jacobians(f, targets_of(options, f, declared), mc.jacobian, options)


def run_hessian(options: argparse.Namespace) -> int:
    """``matcalc hessian``."""
    f, declared = read(options)
    return show_jacobians(f, targets_of(options, f, declared), mc.hessian, options)


def show_jacobians(f: Expr, targets: list[Symbol], find: Callable[..., Any], options: argparse.Namespace) -> int:
    """Jacobians or Hessians."""
    if options.steps:
        return show_derivations(
            [mc.derive(f, w, kind=options.verb, layout=options.layout, style=options.style) for w in targets], options
        )
    results = find(f, targets, layout=options.layout)
    reports = []
    for w, result in zip(targets, results, strict=True) if options.check else ():
        reports.append(mc.check(f, w, result, kind=options.verb, layout=options.layout))
    return show(dict(zip((w.name for w in targets), results, strict=True)), options, reports)


def run_stationary(options: argparse.Namespace) -> int:
    """``matcalc stationary``."""
    f, declared = read(options)
    targets = targets_of(options, f, declared)
    known: dict[str, Symbol] = {**declared, **{s.name: s for s in (*f.symbols, *targets)}}
    constraints: list[Expr] = []
    for text in options.subject_to:
        with told("--subject-to"):
            constraints.append(mc.parse(text.lstrip(), known))
    found = mc.stationary(f, targets if len(targets) > 1 else targets[0], subject_to=constraints or None)
    print({"text": found.to_text, "latex": found.to_latex, "markdown": found.to_markdown}[options.to]())
    return print_reports([found.check()] if options.check else [], options)


def run_simplify(options: argparse.Namespace) -> int:
    """``matcalc simplify``."""
    return show({"": mc.simplify(read(options)[0])}, options, [])


def run_check(options: argparse.Namespace) -> int:
    """``matcalc check``."""
    f, declared = read(options)
    targets = targets_of(options, f, declared)
    if len(targets) > 1:
        raise OperandError("check takes one name in --wrt, the one that the answer is by")
    known = {**declared, **{s.name: s for s in f.symbols}}
    answer = None if options.answer is None else options.answer.lstrip()
    if answer is not None and options.source == "latex":
        answer = mc.parse_latex(answer, known)
    along = {} if options.along is None else {ALONG.get(options.kind, ("upstream", ""))[0]: options.along.strip()}
    report = mc.check(
        f, targets[0], answer, kind=options.kind, layout=options.layout, trials=options.trials, seed=options.seed, **along
    )
    print(report)
    if not report.passed and report.diagnosis is not None and report.diagnosis.correct is not None:
        print(f"the right answer: {report.diagnosis.correct}")
    return 0 if report.passed else 1


def run_equal(options: argparse.Namespace) -> int:
    """``matcalc equal``."""
    declared = declarations(options)
    texts = [options.expression.lstrip(), options.other.lstrip()]
    a, b = [mc.parse_latex(t, declared) for t in texts] if options.source == "latex" else texts
    found = mc.equal(a, b, declared, trials=options.trials, seed=options.seed)
    print(found)
    return 0 if found else 1


def run_convexity(options: argparse.Namespace) -> int:
    """``matcalc convexity``."""
    f, declared = read(options)
    found = mc.convexity(f, targets_of(options, f, declared))
    reports = [found.check()] if options.check and found.verdict != "unknown" else []
    if options.to == "json":
        steps = [{"rule": s.rule, "why": s.why, "fact": s.fact, "uses": s.uses} for s in found.steps]
        names = [w.name for w in found.wrt]
        entry = {"wrt": names, "verdict": found.verdict, "strict": found.strict, "conditions": found.conditions}
        return print_json({"": {**entry, "steps": steps, "why": found.why}}, reports)
    print(getattr(found, CERTIFICATES[options.to])())
    return print_reports(reports, options)


def run_code(options: argparse.Namespace) -> int:
    """``matcalc code``."""
    f, declared = read(options)
    wrt = None if options.wrt is None else targets_of(options, f, declared)
    print(mc.to_code(f, options.to, options.name, wrt, hessian=options.hessian), end="")
    return 0


def run_demo(options: argparse.Namespace) -> int:
    """``matcalc demo``."""
    W, X, b = mc.symbols("W[m,n] X[n,p] b[m]")
    f = mc.let("f", W @ X + b)
    options.check, options.detail, options.shapes = True, "normal", False
    return show_derivations([mc.derive(mc.function("L")(f), b)], options)


# ------------------------------------------------------------------ reading
def read(options: argparse.Namespace) -> tuple[Expr, dict[str, Symbol]]:
    """The expression, and the declared symbols by name."""
    declared = declarations(options)
    return READERS[options.source](options.expression.lstrip(), declared), declared


def declarations(options: argparse.Namespace) -> dict[str, Symbol]:
    """The declared symbols by name."""
    if options.vars is None or not options.vars.strip():
        return {}
    with told("--vars"):
        return {s.name: s for s in read_symbols(options.vars.lstrip())}


@contextmanager
def told(where: str) -> Iterator[None]:
    """Name the option in an error about its text."""
    try:
        yield
    except MatcalcError as error:
        raise MatcalcError(f"in {where}: {error}") from None


def targets_of(options: argparse.Namespace, f: Expr, declared: dict[str, Symbol]) -> list[Symbol]:
    """The symbols that ``--wrt`` names: of the expression, or declared though the expression does not use them."""
    known = {**declared, **{s.name: s for s in f.symbols}}
    names = [n for n in re.split(r"[\s,]+", options.wrt) if n]
    if not names:
        raise ParseError("--wrt is empty: name at least one variable")
    for name in names:
        if name not in known:
            raise ParseError(f"--wrt {name}: there is no such variable; there is {', '.join(sorted(known)) or 'none'}")
    return [known[name] for name in dict.fromkeys(names)]


# ------------------------------------------------------------------ printing
def show(results: dict[str, Expr], options: argparse.Namespace, reports: list[mc.CheckReport]) -> int:
    """Print results by name, alone or several, in the format that was asked for."""
    several = len(results) > 1
    if options.to == "json":
        found = {name: described(e) for name, e in results.items()}
        return print_json(found, reports)
    written = mc.named(results, "auto" if options.names == "auto" and mc.count_ops(results) > LONG else None)
    if options.to in LANGUAGES:
        print(listing(written.body, options.to), end="")
        return print_reports(reports, options)
    for name, e in written.body.items():
        conditions = results[name].conditions
        assuming = f"assuming {'; '.join(conditions)}" if conditions else ""
        if options.to == "text":
            print(f"{name}: {e}" if several else e)
        else:
            formula = f"\\nabla_{{{mc.latex(mc.let(name, e))}}} = {mc.latex(e)}" if several else mc.latex(e)
            print(formula if options.to == "latex" else f"$$ {formula} $$")
        if assuming and options.to != "latex":
            print(assuming if options.to == "text" else f"\nA{assuming[1:]}.")
    for line in where_lines(written, options.to):
        print(line)
    return print_reports(reports, options)


def where_lines(written: mc.Named, to: str) -> list[str]:
    """What the names of shared parts stand for, in a format."""
    if to == "text":
        return written.where_lines()
    parts = written.definitions(mc.latex)
    if to == "latex":
        return [rf"\text{{where }} {part}" for part in parts]
    return ["\nwhere " + ", ".join(f"${part}$" for part in parts) + "."] if parts else []


def show_derivations(derivations: list[mc.Derivation], options: argparse.Namespace) -> int:
    """Print derivations, one after the other, and their checks if those were asked for."""
    reports = [d.check() for d in derivations] if options.check else []
    if options.to == "json":
        found = {}
        for d in derivations:
            steps = [{"rule": s.rule, "why": s.why} for s in d.steps]
            found[d.wrt.name] = {
                **described(d.result),
                "conditions": d.conditions,
                "steps": steps,
                "derivation": d.to_text(detail=options.detail, shapes=options.shapes),
            }
        return print_json(found, reports)
    if options.to in LANGUAGES:
        print(listing({d.wrt.name: d.result for d in derivations}, options.to), end="")
    else:
        written = {"text": "to_text", "latex": "to_latex", "markdown": "to_markdown"}[options.to]
        shown = {"detail": options.detail, "shapes": options.shapes}
        short = ["auto" if options.names == "auto" and mc.count_ops(d.result) > LONG else None for d in derivations]
        print("\n\n".join(getattr(d, written)(**shown, names=n) for d, n in zip(derivations, short, strict=True)))
    return print_reports(reports, options)


def described(e: Expr) -> dict[str, Any]:
    """An expression as JSON has it; ``from_json`` reads what is under ``expression``."""
    return {
        "text": str(e),
        "latex": mc.latex(e),
        "shape": [str(d) for d in e.shape],
        "conditions": e.conditions,
        "expression": graph(e),
    }


def print_json(found: dict[str, dict[str, Any]], reports: list[mc.CheckReport]) -> int:
    """Print results as one JSON object, by name where there are several; 1 if a check failed."""
    for entry, report in zip(found.values(), reports, strict=bool(reports)):
        entry["check"] = {"passed": report.passed, "error": report.error, "message": report.message}
    print(json.dumps(found if len(found) > 1 else next(iter(found.values())), indent=1))
    return int(not all(r.passed for r in reports))


def print_reports(reports: list[mc.CheckReport], options: argparse.Namespace) -> int:
    """Print reports as remarks that leave the output readable for what reads the format; 1 if one failed."""
    if reports and options.to == "markdown":
        print()
    for report in reports:
        for line in str(report).splitlines():
            print(REMARKS[options.to] + line)
    return int(not all(r.passed for r in reports))

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
from matcalc.declare import read_symbols
from matcalc.errors import MatcalcError, OperandError, ParseError
from matcalc.expr import Expr, Symbol
from matcalc.jacobian import LAYOUTS

FORMATS = ("text", "latex", "markdown", "numpy", "json")
READERS = {"text": mc.parse, "latex": mc.parse_latex}
REMARKS = {"text": "", "latex": "% ", "markdown": "", "numpy": "# "}  # how each format writes a line that is not the result


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

    def derivative(sub: argparse.ArgumentParser) -> None:
        expression(sub)
        sub.add_argument(
            "--wrt", required=True, metavar="NAMES", help="what to differentiate by, such as x, or W,b for several"
        )
        sub.add_argument("--steps", action="store_true", help="print the derivation, line by line")
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
    sub = verb("simplify", run_simplify, "a shorter form of an expression", "matcalc simplify \"(A*B)'*inv(A)'\"")
    expression(sub)
    output(sub)
    sub = verb(
        "check", run_check, "whether an answer is the gradient of a function",
        "matcalc check \"x'*A*x\" --wrt x --answer \"(A + A')*x\"",
    )  # fmt: skip
    expression(sub)
    sub.add_argument("--wrt", required=True, metavar="NAME", help="the variable that the answer is by")
    sub.add_argument("--answer", default=None, metavar="TEXT", help="the answer to judge; matcalc's own if left out")
    sub.add_argument("--trials", type=_count, default=5, metavar="N", help="random points (default: 5)")
    sub.add_argument("--seed", type=_count, default=0, metavar="N", help="makes the points (default: 0)")
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
        return show_derivations([mc.derive(f, w) for w in targets], options)
    results = mc.grad(f, targets)
    reports = [mc.check(f, w, r) for w, r in zip(targets, results, strict=True)] if options.check else []
    return show(dict(zip((w.name for w in targets), results, strict=True)), options, reports)


def run_vjp(options: argparse.Namespace) -> int:
    """``matcalc vjp``."""
    f, declared = read(options)
    targets = targets_of(options, f, declared)
    g = upstream_of(f, declared.get(options.upstream.strip(), options.upstream.strip()))
    if options.steps:
        return show_derivations([mc.derive(f, w, kind="vjp", upstream=g) for w in targets], options)
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
    """Jacobians or Hessians; they are checked in their vec form."""
    if options.steps:
        return show_derivations([mc.derive(f, w, kind=options.verb, layout=options.layout) for w in targets], options)
    results = find(f, targets, layout=options.layout)
    reports = []
    for w in targets if options.check else ():
        e = f if find is mc.jacobian else mc.grad(f, w)
        reports.append(check_stacked(e, w, find(f, w, layout="vec")))
    return show(dict(zip((w.name for w in targets), results, strict=True)), options, reports)


def check_stacked(e: Expr, w: Symbol, stacked: Expr) -> mc.CheckReport:
    """A check of ``d vec(e) / d vec(w)'``: it turns any upstream gradient into the gradient by ``w``."""
    taken = {s.name for s in e.symbols} | {str(d) for s in (*e.symbols, w) for d in s.shape} | {w.name}
    g = upstream_of(e, next(name for k in range(len(taken) + 1) if (name := f"G{k or ''}") not in taken))
    pulled = mc.reshape(stacked.T @ mc.vec(g), w.rows, w.cols)  # type: ignore[attr-defined]
    return mc.check(mc.sum(mc.multiply(g, e)), w, pulled)  # type: ignore[attr-defined]


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
    answer = None if options.answer is None else READERS[options.source](options.answer.lstrip(), known)
    report = mc.check(f, targets[0], answer, trials=options.trials, seed=options.seed)
    print(report)
    return 0 if report.passed else 1


def run_demo(options: argparse.Namespace) -> int:
    """``matcalc demo``."""
    W, X, b = mc.symbols("W[m,n] X[n,p] b[m]")
    f = mc.let("f", W @ X + b)
    options.check = True
    return show_derivations([mc.derive(mc.function("L")(f), b)], options)


# ------------------------------------------------------------------ reading
def read(options: argparse.Namespace) -> tuple[Expr, dict[str, Symbol]]:
    """The expression, and the declared symbols by name."""
    declared: dict[str, Symbol] = {}
    if options.vars is not None and options.vars.strip():
        with told("--vars"):
            declared = {s.name: s for s in read_symbols(options.vars.lstrip())}
    return READERS[options.source](options.expression.lstrip(), declared), declared


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
    if options.to == "numpy":
        print(mc.compile(results if several else next(iter(results.values()))).source)
    for name, e in results.items() if options.to != "numpy" else ():
        assuming = f"assuming {'; '.join(e.conditions)}" if e.conditions else ""
        if options.to == "text":
            print(f"{name}: {e}" if several else e)
        else:
            formula = f"\\nabla_{{{mc.latex(mc.let(name, e))}}} = {mc.latex(e)}" if several else mc.latex(e)
            print(formula if options.to == "latex" else f"$$ {formula} $$")
        if assuming and options.to != "latex":
            print(assuming if options.to == "text" else f"\nA{assuming[1:]}.")
    return print_reports(reports, options)


def show_derivations(derivations: list[mc.Derivation], options: argparse.Namespace) -> int:
    """Print derivations, one after the other, and their checks if those were asked for."""
    reports = [d.check() for d in derivations] if options.check else []
    if options.to == "json":
        found = {}
        for d in derivations:
            steps = [{"rule": s.rule, "why": s.why} for s in d.steps]
            found[d.wrt.name] = {**described(d.result), "conditions": d.conditions, "steps": steps, "derivation": d.to_text()}
        return print_json(found, reports)
    if options.to == "numpy":
        results = {d.wrt.name: d.result for d in derivations}
        print(mc.compile(results if len(results) > 1 else derivations[0].result).source)
    else:
        written = {"text": "to_text", "latex": "to_latex", "markdown": "to_markdown"}[options.to]
        print("\n\n".join(getattr(d, written)() for d in derivations))
    return print_reports(reports, options)


def described(e: Expr) -> dict[str, Any]:
    """An expression as JSON has it."""
    return {"text": str(e), "latex": mc.latex(e), "shape": [str(d) for d in e.shape], "conditions": e.conditions}


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
